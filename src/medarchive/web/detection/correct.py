"""What a clinician says of a reading: confirmed, or rejected and what it is instead."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from medarchive.archive.audit import Event
from medarchive.archive.findings import Correction, Finding
from medarchive.dicom.query import Level
from medarchive.errors import BadCorrection, NotFound
from medarchive.web import here
from medarchive.web.detection.visible import series_below
from medarchive.web.gate import needs, origin

__all__ = ["correct", "export"]

_LONGEST_NOTE = 2000


@needs("correct")
@require_POST
def correct(request: HttpRequest, reading: int) -> HttpResponse:
    """Keep beside a reading what the account says of it."""
    archive, name = here.archive(), request.user.get_username()
    series = request.POST.get("series", "")
    known = series_below(request.user, Level.SERIES, series) if series else {}
    if not known or not any(each.id == reading for each in _findings(series)):
        raise Http404(f"reading {reading}: not here")
    verdict, label = request.POST.get("verdict", ""), request.POST.get("label") or None
    note = request.POST.get("note", "")[:_LONGEST_NOTE]
    try:
        archive.correct(reading, verdict, by=name, label=label, note=note)
    except BadCorrection as error:
        messages.error(request, str(error))
    else:
        archive.audit.note(
            Event("correct", name, origin(request), "web", series, "success", f"reading {reading} {verdict}")
        )
        messages.success(request, f"The finding is {verdict}.")
    back = request.POST.get("back", "")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(back if allowed else reverse("results", args=("series", series)))


@needs("operate")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """All that clinicians said, as JSON lines: training data, and patient data."""
    here.archive().audit.note(Event("download", request.user.get_username(), origin(request), "web", "corrections"))
    visible = request.user.scope() is None

    async def lines() -> AsyncIterator[bytes]:
        found = await sync_to_async(lambda: list(here.archive().corrections()), thread_sensitive=False)()
        for finding, correction in found:
            if (
                visible
                or await sync_to_async(lambda f=finding: bool(series_below(request.user, Level.SERIES, f.series_uid)))()
            ):
                yield (json.dumps(_line(finding, correction), ensure_ascii=False) + "\n").encode()

    answer = StreamingHttpResponse(lines(), content_type="application/jsonl")
    answer["Content-Disposition"] = 'attachment; filename="corrections.jsonl"'
    return answer


def _line(finding: Finding, correction: Correction) -> dict[str, object]:
    return {
        "SeriesInstanceUID": finding.series_uid,
        "SOPInstanceUID": finding.uid,
        "frame": finding.frame,
        "read": finding.finding,
        "model_sha256": finding.model_sha256,
        "correction": asdict(correction),
    }


def _findings(uid: str) -> list[Finding]:
    try:
        return here.archive().findings(uid, images=True)
    except NotFound:
        return []
