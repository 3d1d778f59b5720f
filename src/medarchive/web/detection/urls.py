"""The addresses of these pages."""

from django.urls import path

from medarchive.web.detection.correct import correct, export
from medarchive.web.detection.detect import answer, answer_picture, answer_state, detect, detect_stored
from medarchive.web.detection.mine import mine
from medarchive.web.detection.results import results
from medarchive.web.detection.similar import similar

urlpatterns = [
    path("detect/", detect, name="detect"),
    path("detect/asked/<str:number>/", answer, name="detect_answer"),
    path("detect/asked/<str:number>/state/", answer_state, name="detect_state"),
    path("detect/asked/<str:number>/picture.png", answer_picture, {"which": "picture"}, name="detect_picture"),
    path("detect/asked/<str:number>/heat.png", answer_picture, {"which": "heat"}, name="detect_heat"),
    path("detect/<str:uid>/", detect_stored, name="detect_stored"),
    path("results/", mine, name="results_mine"),
    path("results/corrections/", export, name="corrections"),
    path("results/<str:level>/<path:uid>/", results, name="results"),
    path("corrections/<int:reading>/", correct, name="correct"),
    path("similar/<str:uid>/", similar, name="similar"),
]
