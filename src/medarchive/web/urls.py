"""The addresses of the web face."""

from django.urls import include, path

urlpatterns = [
    path("dicom-web/", include("medarchive.web.dicomweb.urls")),  # first: it is asked for most, a frame at a time
    path("", include("medarchive.web.pages.urls")),
    path("", include("medarchive.web.operations.urls")),
    path("", include("medarchive.web.detection.urls")),
    path("", include("medarchive.web.intake.urls")),
    path("accounts/", include("medarchive.web.accounts.urls")),
]
