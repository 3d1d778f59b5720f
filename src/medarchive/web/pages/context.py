"""What every page's template may use."""

from django.http import HttpRequest

from medarchive import __version__
from medarchive.web import here
from medarchive.web.rights import ROLES

__all__ = ["context"]


def context(request: HttpRequest) -> dict[str, object]:
    """``may``: the permissions of whoever asks, for ``{% if "upload" in may %}``; the version; where OHIF is."""
    user = getattr(request, "user", None)
    permissions = ROLES.get(user.role, frozenset()) if user is not None and user.is_authenticated else frozenset()
    return {"may": permissions, "version": __version__, "ohif": _ohif(request)}


def _ohif(request: HttpRequest) -> str:
    """Where OHIF is, without a slash at its end; empty where it is not served."""
    port = here.viewer_port()
    host = request.get_host()
    name = host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return f"{request.scheme}://{name}:{port}" if port else ""
