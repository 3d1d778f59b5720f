"""The addresses of DICOMweb (PS3.18 8.3)."""

from django.urls import URLPattern, path

from medarchive.web.dicomweb.stow import stow

urlpatterns: list[URLPattern] = [path("studies", stow), path("studies/<study>", stow)]
