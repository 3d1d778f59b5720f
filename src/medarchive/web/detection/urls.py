"""The addresses of these pages."""

from django.urls import path

from medarchive.web.detection.correct import correct, export
from medarchive.web.detection.detect import detect, detect_stored
from medarchive.web.detection.results import mine, results
from medarchive.web.detection.similar import similar

urlpatterns = [
    path("detect/", detect, name="detect"),
    path("detect/<str:uid>/", detect_stored, name="detect_stored"),
    path("results/", mine, name="results_mine"),
    path("results/corrections/", export, name="corrections"),
    path("results/<str:level>/<path:uid>/", results, name="results"),
    path("corrections/<int:reading>/", correct, name="correct"),
    path("similar/<str:uid>/", similar, name="similar"),
]
