"""Profile: what an account says of itself, and where its password, second factor and tokens are looked after."""

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.web.gate import needs
from medarchive.web.rights import ROLES

__all__ = ["profile"]


@needs("account")
def profile(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    shown = {"second_factor": is_mfa_enabled(request.user), "permissions": sorted(ROLES[request.user.role])}
    return render(request, "accounts/profile.html", shown)
