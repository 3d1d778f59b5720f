"""The upload page: DICOM files, ZIP archives of them, and pictures, from a browser."""

import datetime as dt
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from medarchive.dicom.query import Level, Query
from medarchive.errors import MissingIdentity, NotFound
from medarchive.web import here
from medarchive.web.gate import needs, origin
from medarchive.web.intake.files import objects
from medarchive.web.intake.intake import Intake, Outcome
from medarchive.web.intake.picture import About
from medarchive.web.intake.room import batches
from medarchive.web.intake.zips import Limits
from medarchive.web.pages.entities import Values, key
from medarchive.web.rights import within

__all__ = ["upload"]

_VISIT = re.compile(r"(\d{9,11})-[0-9a-f]{16}")
_MOST_LISTED = 1000


@needs("upload")
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The form; and what became of the files that were sent with it, as a page or, where asked for, as JSON."""
    if request.method != "POST":
        return _page(request, study=request.GET.get("study", ""))
    with Intake(here.archive(), request.user, origin(request)) as intake:
        became = _taken(request, intake)
    if request.accepts("text/html"):
        return _page(request, outcomes=[outcome for _, outcome in became], study=request.POST.get("study", ""))
    if not became:
        return JsonResponse({"error": "no file came"}, status=400)
    return JsonResponse({"objects": [_told(file, outcome) for file, outcome in became]})


def _taken(request: HttpRequest, intake: Intake) -> list[tuple[int, Outcome]]:
    """What became of each object, with the number of the file that it came in."""
    settings = here.archive().settings
    limits = Limits(each=settings.max_object_bytes, total=2 * settings.web_upload_bytes)
    files = ((str(file.name), file.file) for file in request.FILES.getlist("files"))
    became: list[tuple[int, Outcome]] = []
    for batch in batches(objects(files, here.archive().incoming(), limits, _about(request))):
        became += zip([one.file for one in batch], intake.take(batch), strict=True)
    return became


def _about(request: HttpRequest) -> Callable[[], About]:
    """Whose pictures they are, found out when the first one comes."""
    said = {name: request.POST.get(name, "").strip() for name in ("patient_id", "patient_name", "description", "study")}
    matched = _VISIT.fullmatch(request.POST.get("visit", ""))
    at = dt.datetime.fromtimestamp(int(matched[1]) if matched else time.time(), dt.UTC)
    visit = f"{request.user.get_username()} {matched[0] if matched else _new_visit()}"

    def about() -> About:
        if said["study"]:
            return About.of_study(_study(request, said["study"]), visit, at)
        if not said["patient_id"]:
            raise MissingIdentity("a picture says nothing of a patient: give a Patient ID, or a study to add it to")
        return About.of_patient(said["patient_id"], said["patient_name"], said["description"], visit, at)

    return about


def _study(request: HttpRequest, uid: str) -> Values:
    """The attributes of a study that the account sees.

    Raises:
        NotFound: there is none.
    """
    query = within(request.user, Query(Level.STUDY, (key(Level.STUDY, uid),), limit=1))
    match = next(here.archive().find(query), None)
    if match is None:
        raise NotFound("no such study")
    return dict(match.values)


def _page(request: HttpRequest, *, outcomes: list[Outcome] | None = None, study: str = "") -> HttpResponse:
    values: dict[str, Any] = {"visit": _new_visit(), "study": study[:64], "sent": outcomes is not None}
    values["most_bytes"] = here.archive().settings.web_upload_bytes
    if outcomes is not None:
        counts = {result: sum(one.result == result for one in outcomes) for result in ("stored", "duplicate")}
        refused = [one for one in outcomes if one.result == "refused"]
        values |= counts | {"refused": refused[:_MOST_LISTED], "refusals": len(refused)}
        values["studies"] = sorted({one.study for one in outcomes if one.result != "refused" and one.study})
    return render(request, "web/upload.html", values)


def _new_visit() -> str:
    """A name for what is uploaded together from one page."""
    return f"{int(time.time())}-{secrets.token_hex(8)}"


def _told(file: int, outcome: Outcome) -> dict[str, str | int]:
    told: dict[str, str | int] = {"file": file, "name": outcome.name, "result": outcome.result, "study": outcome.study}
    return told if outcome.error is None else told | {"reason": outcome.reason}
