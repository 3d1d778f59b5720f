"""The addresses of pages."""

from django.urls import path

from medarchive.web.pages.home import home
from medarchive.web.pages.stub import stub, thumbnail
from medarchive.web.pages.worklist import worklist

urlpatterns = [
    path("", home, name="home"),
    path("studies/", worklist, name="worklist"),
    path("studies/<str:uid>/", stub, name="study"),
    path("instances/<str:uid>/", stub, name="instance"),
    path("instances/<str:uid>/frames/<int:frame>/thumbnail", thumbnail, name="thumbnail"),
]
