"""Failures: our errors as HTTP statuses, in one place (PS3.18 8.5)."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from medarchive.errors import (
    ArchiveBusy,
    BadQuery,
    CannotTranscode,
    Conflict,
    DicomError,
    LimitExceeded,
    MedarchiveError,
    NotFound,
)

__all__ = ["BadRequest", "NotAcceptable", "RangeNotSatisfiable", "failure", "told"]

LOGGER = logging.getLogger(__name__)


class BadRequest(MedarchiveError):
    """A path, header or parameter that cannot be read."""


class NotAcceptable(MedarchiveError):
    """Nothing of what the client accepts can be had."""


class RangeNotSatisfiable(MedarchiveError):
    """The bytes that were asked for are not there."""

    def __init__(self, message: str, size: int) -> None:
        """Note how many bytes there are."""
        super().__init__(message)
        self.size = size


_STATUSES: tuple[tuple[type[MedarchiveError], int], ...] = (
    (BadRequest, 400),
    (BadQuery, 400),
    (NotFound, 404),
    (NotAcceptable, 406),
    (CannotTranscode, 406),
    (Conflict, 409),
    (LimitExceeded, 413),
    (RangeNotSatisfiable, 416),
    (DicomError, 406),
)
_OTHERWISE = 503
"""What is stored cannot be read now: the archive is busy, or a copy has to be restored."""


def failure(error: MedarchiveError) -> HttpResponse:
    """An error as an answer: ``{"error": …}`` with its status."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), _OTHERWISE)
    if status == _OTHERWISE:
        LOGGER.error("%s", error)
    answer = JsonResponse({"error": str(error)}, status=status)
    answer["Cache-Control"] = "no-store"
    if isinstance(error, RangeNotSatisfiable):
        answer["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, ArchiveBusy):
        answer["Retry-After"] = "5"
    return answer


def told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view whose errors become answers, and which says who may keep what it answers."""

    @functools.wraps(view)
    def telling(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            answer = view(request, *arguments, **named)
        except MedarchiveError as error:
            return failure(error)
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        answer["Vary"] = "Accept, Authorization, Cookie"
        return answer

    return telling
