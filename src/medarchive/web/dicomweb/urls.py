"""The addresses of DICOMweb (PS3.18 8.3)."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
