"""The addresses of pages."""

from django.urls import include, path

from medarchive.web.pages.home import home
from medarchive.web.pages.worklist import worklist

urlpatterns = [
    path("", home, name="home"),
    path("studies/", worklist, name="worklist"),
    path("", include("medarchive.web.pages.urls_images")),
]
