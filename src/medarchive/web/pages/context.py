"""What every page's template may use."""

from django.http import HttpRequest

from medarchive import __version__
from medarchive.web.rights import ROLES

__all__ = ["context"]


def context(request: HttpRequest) -> dict[str, object]:
    """``may``: the permissions of whoever asks, for ``{% if "upload" in may %}``; and the version."""
    user = getattr(request, "user", None)
    permissions = ROLES.get(user.role, frozenset()) if user is not None and user.is_authenticated else frozenset()
    return {"may": permissions, "version": __version__}
