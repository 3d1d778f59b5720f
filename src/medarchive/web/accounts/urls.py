"""The addresses of accounts: allauth's, and ours for administrators."""

from django.urls import include, path

urlpatterns = [path("", include("allauth.urls"))]
