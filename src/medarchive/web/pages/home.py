"""The home page: what this is, and nothing of patients."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from medarchive.web.gate import public

__all__ = ["home"]


@public
def home(request: HttpRequest) -> HttpResponse:
    """What a stranger sees; an account goes on to the worklist."""
    return redirect("worklist") if request.user.is_authenticated else render(request, "web/home.html")
