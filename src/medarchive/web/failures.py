"""Failures: what the archive raises on purpose becomes an answer that says what happened, and what to do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from medarchive.errors import (
    ArchiveBusy,
    BadQuery,
    BlobCorrupt,
    BlobMissing,
    Conflict,
    MedarchiveError,
    NotFound,
)

__all__ = ["Failures", "status_of"]

_STATUS: tuple[tuple[type[MedarchiveError], int], ...] = (
    (NotFound, 404),
    (BadQuery, 400),
    (Conflict, 409),
    (ArchiveBusy, 503),
    (BlobCorrupt, 503),
    (BlobMissing, 503),
    (MedarchiveError, 400),
)
_TITLES = {400: "That cannot be done", 404: "Not here", 409: "That contradicts what is here", 503: "Not now"}


def status_of(error: MedarchiveError) -> int:
    """The HTTP status of an error."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


class Failures:
    """Middleware that answers for views that raise a ``MedarchiveError``."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django's hook: None leaves the error to others."""
        if not isinstance(error, MedarchiveError):
            return None
        status = status_of(error)
        asked_by_script = request.headers.get("Sec-Fetch-Dest") == "empty"
        if asked_by_script or not request.accepts("text/html"):
            return JsonResponse({"error": str(error)}, status=status)
        return render(request, "web/failure.html", {"title": _TITLES[status], "error": str(error)}, status=status)
