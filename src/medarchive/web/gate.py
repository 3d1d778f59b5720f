"""Gate: every view says who may use it; one that says nothing is used by nobody.

    @needs("view")            an account with this permission (``rights.ROLES``)
    @public                   anybody

Pages send a stranger to the login. Views of ``dicomweb`` and others that programs use (``@needs(…, program=True)``)
answer 401, and take an API token as ``Authorization: Bearer TOKEN`` or as the password of Basic.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.defaults import permission_denied

from medarchive.archive.audit import Event
from medarchive.web import here
from medarchive.web.rights import Permission, may

__all__ = ["ANYBODY", "Gate", "needs", "origin", "public", "requirement", "who_are_you"]

View = TypeVar("View", bound=Callable[..., Any])
ANYBODY = "anybody"
SELF = "account"
"""Any account that is logged in, whatever its role: its own password, second factor, tokens."""

_ACCOUNT_PUBLIC = frozenset(
    (
        "account_login",
        "account_signup",
        "account_logout",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "account_inactive",
        "account_email_verification_sent",
        "account_confirm_email",
        "mfa_authenticate",
    )
)
"""allauth's views that a stranger may use, by the names of their URLs."""


def needs(
    permission: Permission | Literal["account"], *, program: bool = False, reads: bool = False
) -> Callable[[View], View]:
    """Let only accounts with a permission use a view.

    Args:
        permission: what it takes.
        program: programs use it, with an API token.
        reads: its POST changes nothing (a search), so that a token for reading is enough.
    """

    def marked(view: View) -> View:
        view.needs, view.program, view.reads = permission, program, reads  # type: ignore[attr-defined]
        return view

    return marked


def public(view: View) -> View:
    """Let anybody use a view."""
    view.needs, view.program = ANYBODY, False  # type: ignore[attr-defined]
    return view


def requirement(view: Callable[..., Any], name: str) -> str | None:
    """What a view asks for: a permission, ``account``, ``anybody``, or None where it does not say."""
    said = getattr(view, "needs", None)
    if said is None and name.startswith(("account_", "mfa_")):
        return ANYBODY if name in _ACCOUNT_PUBLIC else SELF
    return said


def origin(request: HttpRequest) -> str:
    """The network address that a request comes from."""
    return str(request.META.get("REMOTE_ADDR", ""))


class Gate:
    """Middleware that opens views to those who may use them."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._next(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *_: object) -> HttpResponse | None:
        """Django's hook: None lets the view answer."""
        view = getattr(view, "by_method", {}).get(request.method, view)
        wanted = requirement(view, request.resolver_match.view_name or "")
        if wanted == ANYBODY:
            return None
        program = getattr(view, "program", False)
        if not request.user.is_authenticated:
            return who_are_you(request) if program else redirect_to_login(request.get_full_path())
        if wanted == SELF or (wanted is not None and may(request.user, cast("Permission", wanted))):
            return None
        here.archive().audit.note(
            Event("refused", request.user.get_username(), origin(request), "web", request.path, "refused", str(wanted))
        )
        return permission_denied(request, PermissionDenied())


def who_are_you(request: HttpRequest) -> HttpResponse:
    """What a program is told that did not say who it is."""
    answer = HttpResponse("log in, or send an API token", status=401, content_type="text/plain")
    answer["WWW-Authenticate"] = 'Bearer realm="medarchive"'
    if "Sec-Fetch-Mode" not in request.headers:  # a browser would put up a window of its own for Basic
        answer["WWW-Authenticate"] += ', Basic realm="medarchive"'
    return answer
