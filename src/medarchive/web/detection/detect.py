"""Detection on request: of a file that is only looked at, or of stored images."""

import tempfile
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.detection.answers import Answer, of_file, of_stored
from medarchive.web.detection.desk import Desk, DeskBusy, Ticket
from medarchive.web.detection.shown import in_words
from medarchive.web.detection.visible import series_below, visible
from medarchive.web.gate import needs, origin
from medarchive.web.rights import sees

__all__ = ["answer", "answer_picture", "answer_state", "detect", "detect_stored"]

_ANATOMIES = {"": "let the archive find out", "brain": "brain", "lung": "lung"}
_MOST_BYTES = 256 << 20
_SOON = 2.0
"""Seconds after which a page says that it is being worked on."""
_desk: Desk[Answer] = Desk()


@needs("detect")
@require_http_methods(["GET", "HEAD", "POST"])
def detect(request: HttpRequest) -> HttpResponse:
    """Ask for a file, and say what is in it. The file is not kept."""
    page = {"anatomies": _ANATOMIES, "can_read": here.archive().can_read}
    if request.method != "POST":
        return render(request, "web/detection/detect.html", page)
    file, asked = request.FILES.get("file"), request.POST.get("anatomy", "")
    trouble = "Choose a file." if file is None else "" if asked in _ANATOMIES else "Choose brain or lung, or neither."
    if trouble:
        return render(request, "web/detection/detect.html", page | {"error": trouble}, status=400)
    wanted = visible(request.user)
    copy = _copied(file)
    if copy is None:
        error = f"The file has more than {_MOST_BYTES >> 20} MiB, which is more than what is looked at."
        return render(request, "web/detection/detect.html", page | {"error": error}, status=413)
    work = partial(of_file, here.archive(), copy, asked, wanted)
    try:
        return _handed_in(request, file.name, work, stored=False)
    except DeskBusy:
        copy.close()
        return _busy(request)


@needs("detect")
@require_http_methods(["GET", "HEAD", "POST"])
def detect_stored(request: HttpRequest, uid: str) -> HttpResponse:
    """Read an instance or a series of the archive; of a study, choose one of its series.

    A series of which nobody says what it shows is read as at its arrival, and recorded. Everything else is looked at.
    """
    level = _level(request, uid)
    asked = request.POST.get("anatomy", "")
    page = {"anatomies": _ANATOMIES, "uid": uid, "level": level.lower(), "can_read": here.archive().can_read}
    page["series"] = list(series_below(request.user, level, uid).values())
    if request.method != "POST":
        return render(request, "web/detection/stored.html", page)
    if asked not in _ANATOMIES or level is Level.STUDY:
        error = "Choose one of its series." if level is Level.STUDY else "Choose brain or lung, or neither."
        return render(request, "web/detection/stored.html", page | {"error": error}, status=400)
    try:
        return _handed_in(request, uid, partial(of_stored, here.archive(), uid, asked), stored=True)
    except DeskBusy:
        return _busy(request)


@needs("detect")
def answer(request: HttpRequest, number: str) -> HttpResponse:
    """What came of something that was handed in, or that it is being worked on."""
    ticket = _ticket(request, number)
    if not ticket.answer.done():
        return render(request, "web/detection/waiting.html", {"ticket": ticket, "before": _desk.before(ticket)})
    found = ticket.answer.result()
    page = found.shown | {"ticket": ticket, "answer": found, "stored": ticket.stored}
    wanted = visible(request.user)
    page["similar"] = [
        {"like": each, "finding": in_words(each.finding)} for each in found.similar if wanted is None or wanted(each)
    ]
    return render(request, "web/detection/answer.html", page)


@needs("detect")
def answer_state(request: HttpRequest, number: str) -> HttpResponse:
    """Whether it is done, and how many are before it: for a page that waits."""
    ticket = _ticket(request, number)
    done = _desk.wait(ticket, _SOON)
    return JsonResponse({"done": done, "before": 0 if done else _desk.before(ticket)})


@needs("detect")
def answer_picture(request: HttpRequest, number: str, which: str) -> HttpResponse:
    """The picture that carries the finding, or the heat map of the same size, as PNG."""
    ticket = _ticket(request, number)
    found = ticket.answer.result() if ticket.answer.done() else None
    data = b"" if found is None else found.heat if which == "heat" else found.picture
    if not data:
        raise Http404(f"{number}: no such picture")
    reply = HttpResponse(data, content_type="image/png")
    reply["Cache-Control"] = "private, max-age=1800"
    return reply


def _handed_in(request: HttpRequest, what: str, work: "partial[Answer]", *, stored: bool) -> HttpResponse:
    """Hand work in, and send the browser to where its answer will be."""
    who = request.user.get_username()
    noted = partial(_noted, here.archive(), who, origin(request), what if stored else "file", work)
    ticket = _desk.hand_in(who, what, noted, stored=stored)
    _desk.wait(ticket, _SOON)
    return HttpResponseRedirect(reverse("detect_answer", args=(ticket.number,)), status=303)


def _noted(archive: Archive, who: str, where: str, of: str, work: "partial[Answer]") -> Answer:
    """Do it, and write down that it was done."""
    found = work()
    archive.audit.note(Event("detect", who, where, "web", of, "failed" if found.failed else "success", found.in_short))
    return found


def _ticket(request: HttpRequest, number: str) -> Ticket[Answer]:
    """What the account handed in.

    Raises:
        Http404: nothing of this number, or of images that it may not see any more.
    """
    try:
        ticket = _desk.ticket(request.user.get_username(), number)
    except NotFound as error:
        raise Http404(str(error)) from error
    if ticket.stored:
        _level(request, ticket.what)
    return ticket


def _level(request: HttpRequest, uid: str) -> Level:
    """Whether a UID is of an instance, a series or a study.

    Raises:
        Http404: none of them, or none that the account may see.
    """
    for level in (Level.IMAGE, Level.SERIES, Level.STUDY):
        try:
            sees(here.archive(), request.user, level, uid)
        except NotFound:
            continue
        return level
    raise Http404(f"{uid}: not here")


def _copied(file: UploadedFile) -> BinaryIO | None:
    """An upload as a temporary file that outlives the request; None where it is too large."""
    copy = tempfile.NamedTemporaryFile(dir=here.archive().incoming())  # noqa: SIM115  # whoever reads it closes it
    with ExitStack() as unless:
        unless.enter_context(copy)
        left = _MOST_BYTES
        for chunk in file.chunks():
            left -= len(chunk)
            if left < 0:
                return None
            copy.write(chunk)
        copy.flush()
        unless.pop_all()
        return cast("BinaryIO", copy)


def _busy(request: HttpRequest) -> HttpResponse:
    reply = render(request, "web/detection/busy.html", status=503)
    reply["Retry-After"] = "5"
    return reply
