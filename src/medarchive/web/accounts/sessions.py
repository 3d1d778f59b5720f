"""Sessions: they end by idleness, written once a minute at most; their cookies keep to TLS where there is any."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

__all__ = ["Idle", "SecureCookies"]

_SEEN = "seen"
Next = Callable[[HttpRequest], HttpResponse]


class Idle:
    """Middleware that puts the end of a login off, by requests that come in time."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.session
        if session.session_key and SESSION_KEY in session:
            now = time.time()
            if now - session.get(_SEEN, 0.0) >= settings.SESSION_STEP:
                session[_SEEN] = now  # a changed session is saved, and its end with it
        return self._next(request)


class SecureCookies:
    """Middleware that keeps the cookies of a request that came by TLS, maybe through a proxy, from going without it."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._next(request)
        if request.is_secure():
            for cookie in answer.cookies.values():
                cookie["secure"] = True
        return answer
