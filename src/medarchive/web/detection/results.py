"""Earlier results: of a patient, study, series or image."""

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.archive.findings import Finding
from medarchive.dicom.ours import capture_uid
from medarchive.dicom.query import Key, Level, OneOf, Query
from medarchive.web import here
from medarchive.web.detection.shown import CHOICES, in_words, shown
from medarchive.web.detection.visible import series_below
from medarchive.web.gate import needs
from medarchive.web.pages.badges import readings
from medarchive.web.pages.entities import Values
from medarchive.web.rights import within
from medarchive.web.visits import visit

__all__ = ["results"]

_LEVELS = {"patient": Level.PATIENT, "study": Level.STUDY, "series": Level.SERIES, "instance": Level.IMAGE}
_ON_A_PAGE = 50


@needs("view")
def results(request: HttpRequest, level: str, uid: str) -> HttpResponse:
    """All that was read below a Patient ID or UID, the newest first."""
    if level not in _LEVELS:
        raise Http404(f"{level}: no level")
    below = series_below(request.user, _LEVELS[level], uid)
    if not below:
        raise Http404(f"{level} {uid}: not here")
    first = next(iter(below.values()))
    if level in ("series", "instance"):
        visit(request, first["SeriesInstanceUID"], "series", first["StudyInstanceUID"])
    else:
        visit(request, uid, level)
    found = [each for each in readings(uid) if each.series in below]
    part = Paginator(found[::-1], _ON_A_PAGE).get_page(request.GET.get("page"))
    captures = _captures(request, part)
    page = {
        "level": level,
        "uid": uid,
        "part": part,
        "rows": [_row(each, below[each.series]) | {"capture": captures.get(each.id)} for each in part],
        "first": first,
    }
    return render(request, "web/detection/results.html", page)


def _captures(request: HttpRequest, found: Iterable[Finding]) -> dict[int, str]:
    """By reading, the SOP Instance UID of the heat map that is stored with it: it follows from what was read."""
    named = {
        capture_uid(each.series_uid, each.uid, frame, name): each.id
        for each in found
        for frame in (None, each.frame)
        for name in (each.version, f"{each.version}-{each.id}")
        if each.pooled and each.uid
    }
    if not named:
        return {}
    key = Key("SOPInstanceUID", OneOf(tuple(named)), Level.IMAGE, "UI")
    there = here.archive().find(within(request.user, Query(Level.IMAGE, (key,))))
    return {named[match.values["SOPInstanceUID"]]: match.values["SOPInstanceUID"] for match in there}


def _row(finding: Finding, series: Values) -> dict[str, Any]:
    said = [{"correction": each, "label": in_words(each.label)} for each in finding.corrections]
    return shown(finding) | {"of": series, "said": said, "choices": CHOICES.get(finding.task, [])}
