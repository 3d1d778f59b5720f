"""Detection on request: of a file that is only looked at, or of stored images."""

import tempfile
from pathlib import Path
from threading import BoundedSemaphore

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from medarchive.archive.alike import Likeness
from medarchive.archive.audit import Event, Outcome
from medarchive.dicom.query import Level
from medarchive.errors import MedarchiveError, NotFound
from medarchive.insight.reading import SeriesReading, not_read
from medarchive.view import View
from medarchive.web import here
from medarchive.web.detection.shown import shown
from medarchive.web.detection.visible import visible
from medarchive.web.gate import needs, origin
from medarchive.web.rights import sees

__all__ = ["detect", "detect_stored"]

_ANATOMIES = {"": "let the archive find out", "brain": "brain", "lung": "lung"}
_MOST_BYTES = 256 << 20
_ALIKE = 8
_room = BoundedSemaphore(4)
"""So many requests wait for the reader, which takes one at a time; more are told to come again."""


@needs("detect")
@require_http_methods(["GET", "POST"])
def detect(request: HttpRequest) -> HttpResponse:
    """Ask for a file, and say what is in it. The file is not kept."""
    page = {"anatomies": _ANATOMIES, "asked": request.POST.get("anatomy", "")}
    if request.method == "GET":
        return render(request, "web/detection/detect.html", page)
    file = request.FILES.get("file")
    if file is None or page["asked"] not in _ANATOMIES:
        return render(request, "web/detection/detect.html", page | {"error": "Choose a file."}, status=400)
    if not _room.acquire(blocking=False):
        return _busy(request)
    try:
        found, view, error = _looked_at(file, page["asked"])
        like = _similar(request, view) if found.pooled.embedding is not None and view is not None else []
    finally:
        _room.release()
    _note(request, "file", found, "failed" if error else "success")
    result = shown(found.pooled, view) | {"name": file.name, "similar": like, "images": len(found.readings)}
    return render(request, "web/detection/detect.html", page | result)


@needs("detect")
@require_http_methods(["GET", "POST"])
def detect_stored(request: HttpRequest, uid: str) -> HttpResponse:
    """Read an instance or a series of the archive.

    A series of which nobody says what it shows is read as at its arrival, and recorded. Everything else is looked at.
    """
    archive = here.archive()
    level = _level(request, uid)
    asked = request.POST.get("anatomy", "")
    page = {"anatomies": _ANATOMIES, "asked": asked, "uid": uid, "level": level.lower()}
    if request.method == "GET" or asked not in _ANATOMIES:
        return render(request, "web/detection/stored.html", page)
    if not _room.acquire(blocking=False):
        return _busy(request)
    try:
        recorded = level is Level.SERIES and not asked
        if recorded:
            for _ in archive.classify(uid):
                pass
        look = archive.look(uid, asked=asked)
    except NotFound as error:
        return render(request, "web/detection/stored.html", page | {"error": str(error)}, status=409)
    finally:
        _room.release()
    _note(request, uid, look.reading, "success")
    result = shown(look.reading.pooled, look.view)
    result |= {"image": look.uid, "frame": look.frame, "images": len(look.reading.readings), "recorded": recorded}
    return render(request, "web/detection/stored.html", page | result)


def _level(request: HttpRequest, uid: str) -> Level:
    """Whether a UID is of an instance or of a series.

    Raises:
        Http404: neither, or none that the account may see.
    """
    for level in (Level.IMAGE, Level.SERIES):
        try:
            sees(here.archive(), request.user, level, uid)
        except NotFound:
            continue
        return level
    raise Http404(f"{uid}: not here")


def _looked_at(file: UploadedFile, asked: str) -> tuple[SeriesReading, View | None, str]:
    """What is in a file, the picture that carries it, and why it could not be read."""
    with tempfile.NamedTemporaryFile(dir=here.archive().incoming()) as copy:
        left = _MOST_BYTES
        for chunk in file.chunks():
            left -= len(chunk)
            if left < 0:
                reason = f"the file has more than {_MOST_BYTES >> 20} MiB"
                return SeriesReading((not_read(reason),), not_read(reason), 0), None, reason
            copy.write(chunk)
        copy.flush()
        try:
            found, view = here.archive().classify_file(Path(copy.name), asked=asked)
        except MedarchiveError as error:
            return SeriesReading((not_read(str(error)),), not_read(str(error)), 0), None, str(error)
    return found, view, ""


def _similar(request: HttpRequest, view: View | None) -> list[Likeness]:
    if view is None:
        return []
    return here.archive().similar(view, _ALIKE, wanted=visible(request.user))


def _note(request: HttpRequest, of: str, found: SeriesReading, outcome: Outcome) -> None:
    pooled = found.pooled
    told = pooled.finding or ("abstained" if pooled.abstained else "nothing")
    detail = f"{pooled.anatomy or 'not read'}, {told}, {len(found.readings)} images"
    here.archive().audit.note(Event("detect", request.user.get_username(), origin(request), "web", of, outcome, detail))


def _busy(request: HttpRequest) -> HttpResponse:
    answer = render(request, "web/detection/busy.html", status=503)
    answer["Retry-After"] = "5"
    return answer
