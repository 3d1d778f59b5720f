"""Bearer: programs come in with an API token, at views that are meant for programs (``@needs(…, program=True)``)."""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from medarchive.web.accounts.models import Token
from medarchive.web.accounts.record import Actor
from medarchive.web.gate import origin, who_are_you

__all__ = ["Bearer"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_QUIET = 60.0
_MOST = 1000


class Bearer:
    """Middleware: the token of ``Authorization: Bearer TOKEN``, or of Basic with the account's name and the token as
    its password, says who asks. A session does not count beside it, and no CSRF token is asked for: no browser adds
    such a header by itself at the wish of another site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response
        self._refused: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.token = None
        return self._next(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *_: object) -> HttpResponse | None:
        """Django's hook: None lets the view answer."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header or not getattr(view, "program", False):
            return None
        token = _token(header)
        if token is None:
            self._note(request)
            return who_are_you(request)
        user = token.user

        async def the_user() -> Any:
            return user

        request.token, request.user, request.auser = token, user, the_user
        request._dont_enforce_csrf_checks = True  # noqa: SLF001  # Django's own way to say so
        token.used(timezone.now())
        if token.scope == "write" or request.method in _SAFE or getattr(view, "reads", False):
            return None
        Actor.of(request).note("refused", request.path, "refused", f"the token {token.name} is for reading")
        return HttpResponse("this token is for reading alone", status=403, content_type="text/plain")

    def _note(self, request: HttpRequest) -> None:
        """Record a wrong token, once a minute for an address: a flood of them must not fill the record."""
        address, now = origin(request), time.monotonic()
        with self._lock:
            if now - self._refused.get(address, -_QUIET) < _QUIET:
                return
            if len(self._refused) >= _MOST:
                self._refused.clear()
            self._refused[address] = now
        Actor("", address).note("login", "", "failed", "API token")


def _token(header: str) -> Token | None:
    """The token of an Authorization header (RFC 6750, RFC 7617)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return Token.of(value.strip())
    if scheme.lower() != "basic":
        return None
    try:
        name, _, text = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    token = Token.of(text)
    return token if token is not None and token.user.username.lower() == name.lower() else None
