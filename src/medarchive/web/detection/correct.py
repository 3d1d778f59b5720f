"""What a clinician says of a reading: confirmed, or rejected and what it is instead."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import cast

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from medarchive.archive.audit import Event
from medarchive.archive.findings import Finding, Verdict, exported
from medarchive.dicom.query import Level, Query
from medarchive.errors import BadCorrection, NotFound
from medarchive.web import here
from medarchive.web.detection.shown import CHOICES
from medarchive.web.detection.visible import series_below
from medarchive.web.gate import needs, origin
from medarchive.web.rights import Account, within

__all__ = ["correct", "export"]

_LONGEST_NOTE = 2000
_PART = 256


@needs("correct")
@require_POST
def correct(request: HttpRequest, reading: int) -> HttpResponse:
    """Keep beside a reading what the account says of it."""
    archive, name = here.archive(), request.user.get_username()
    series = request.POST.get("series", "")
    known = series_below(request.user, Level.SERIES, series) if series else {}
    of = next((each for each in _findings(series) if each.id == reading), None) if known else None
    if of is None:
        raise Http404(f"reading {reading}: not here")
    verdict, label = request.POST.get("verdict", ""), request.POST.get("label", "")
    try:
        if label and label not in dict(CHOICES.get(of.task, ())):
            raise BadCorrection(f"{label!r} is no label of this network")
        note = request.POST.get("note", "")[:_LONGEST_NOTE]
        archive.correct(reading, cast("Verdict", verdict), by=name, label=label or None, note=note)
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
    lines = _lines(request.user)

    async def streamed() -> AsyncIterator[bytes]:
        more = sync_to_async(lambda: b"".join(islice(lines, _PART)))
        while part := await more():
            yield part

    answer = StreamingHttpResponse(streamed(), content_type="application/jsonl")
    answer["Content-Disposition"] = 'attachment; filename="corrections.jsonl"'
    return answer


def _lines(account: Account) -> Iterator[bytes]:
    """A line for each correction of what an account may see."""
    visible: set[str] | None = None
    if account.scope() is not None:
        query = within(account, Query(Level.SERIES, ()))
        visible = {match.values["SeriesInstanceUID"] for match in here.archive().find(query)}
    for finding, correction in here.archive().corrections():
        if visible is None or finding.series_uid in visible:
            yield (json.dumps(exported(finding, correction), ensure_ascii=False) + "\n").encode()


def _findings(uid: str) -> list[Finding]:
    try:
        return here.archive().findings(uid, images=True)
    except NotFound:
        return []
