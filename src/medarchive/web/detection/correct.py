"""What a clinician says of a reading: confirmed, or rejected and what it is instead."""

import json
from collections.abc import Generator
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from medarchive.archive.findings import Verdict, exported
from medarchive.dicom.query import Level, Query
from medarchive.errors import BadCorrection
from medarchive.web import here
from medarchive.web.detection.shown import CHOICES
from medarchive.web.detection.visible import Series, series, series_below
from medarchive.web.gate import needs
from medarchive.web.pages.badges import readings
from medarchive.web.pieces import Pieces
from medarchive.web.rights import Account, within
from medarchive.web.visits import note

__all__ = ["correct", "export"]

_LONGEST_NOTE = 2000


@needs("correct")
@require_POST
def correct(request: HttpRequest, reading: int) -> HttpResponse:
    """Keep beside a reading what the account says of it."""
    uid = request.POST.get("series", "")
    known = series_below(request.user, Level.SERIES, uid) if uid else {}
    found = readings(uid, images=True) if known else []
    of = next((each for each in found if each.id == reading and each.series in known), None)
    if of is None:
        raise Http404(f"reading {reading}: not here")
    verdict, label = request.POST.get("verdict", ""), request.POST.get("label", "")
    try:
        if label and label not in dict(CHOICES.get(of.task, ())):
            raise BadCorrection(f"{label!r} is no label of this network")
        words = request.POST.get("note", "")[:_LONGEST_NOTE]
        by = request.user.get_username()
        here.archive().correct(reading, cast("Verdict", verdict), by=by, label=label or None, note=words)
    except BadCorrection as error:
        messages.error(request, str(error))
    else:
        note(request, "correct", uid, f"reading {reading} {verdict}")
        messages.success(request, f"The finding is {verdict}.")
    back = request.POST.get("back", "")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(back if allowed else reverse("results", args=("series", uid)))


@needs("operate")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """All that clinicians said, as JSON lines: training data, and patient data."""
    note(request, "download", "corrections")
    answer = StreamingHttpResponse(Pieces.of_lines(_lines(request.user)), content_type="application/jsonl")
    answer["Content-Disposition"] = 'attachment; filename="corrections.jsonl"'
    return answer


def _lines(account: Account) -> Generator[str, None, None]:
    """A line for each correction of what an account may see."""
    visible: set[Series] | None = None
    if account.scope() is not None:
        query = within(account, Query(Level.SERIES, ()))
        visible = {series(match.values) for match in here.archive().find(query)}
    for finding, correction in here.archive().corrections():
        if visible is None or finding.series in visible:
            yield json.dumps(exported(finding, correction), ensure_ascii=False) + "\n"
