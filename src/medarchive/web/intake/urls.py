"""The addresses of what comes in over pages, and of operation."""

from django.urls import path

from medarchive.web.health import health, metrics
from medarchive.web.pages.upload import upload

urlpatterns = [
    path("upload/", upload, name="upload"),
    path("health", health, name="health"),
    path("metrics", metrics, name="metrics"),
]
