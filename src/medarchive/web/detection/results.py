"""Earlier results: of a patient, study, series or image, and of what an account asked for."""

from itertools import islice
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.archive.findings import Finding
from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.insight.reading import LABELS
from medarchive.web import here
from medarchive.web.detection.shown import in_words, shown
from medarchive.web.detection.visible import series_below
from medarchive.web.gate import needs

__all__ = ["mine", "results"]

_LEVELS = {"patient": Level.PATIENT, "study": Level.STUDY, "series": Level.SERIES, "instance": Level.IMAGE}
_MOST = 200


@needs("view")
def results(request: HttpRequest, level: str, uid: str) -> HttpResponse:
    """All that was read below a Patient ID or UID, the newest first."""
    if level not in _LEVELS:
        raise Http404(f"{level}: no level")
    series = series_below(request.user, _LEVELS[level], uid)
    if not series:
        raise Http404(f"{level} {uid}: not here")
    found = [each for each in _findings(uid) if each.series_uid in series]
    page = {
        "level": level,
        "uid": uid,
        "rows": [_row(each, series) for each in found[::-1][:_MOST]],
        "more": len(found) > _MOST,
    }
    page["labels"] = {task: [(label, in_words(label)) for label in labels] for task, labels in LABELS.items()}
    page["first"] = next(iter(series.values()))
    return render(request, "web/detection/results.html", page)


@needs("view")
def mine(request: HttpRequest) -> HttpResponse:
    """What the account asked for, and what it said of findings."""
    archive, name = here.archive(), request.user.get_username()
    rows = []
    for event in islice(archive.audit.events(equal={"who": name, "action": "detect", "face": "web"}), _MOST):
        row: dict[str, Any] = {"event": event}
        series = _series_of(request, event.object)
        if series:
            current = [each for each in _findings(event.object) if each.pooled and each.superseded_at is None]
            row |= {"series": next(iter(series.values())), "current": [shown(each) for each in current]}
        rows.append(row)
    said = [
        {"finding": finding, "correction": correction, "words": in_words(finding.finding)}
        for finding, correction in archive.corrections()
        if correction.by == name and _series_of(request, finding.series_uid)
    ]
    return render(request, "web/detection/mine.html", {"rows": rows, "said": said[::-1][:_MOST]})


def _series_of(request: HttpRequest, uid: str) -> dict[str, dict[str, str]]:
    """The series that a UID is of, or is in, where the account may see it."""
    if not uid or uid == "file":
        return {}
    return series_below(request.user, Level.SERIES, uid) or series_below(request.user, Level.IMAGE, uid)


def _findings(uid: str) -> list[Finding]:
    try:
        return here.archive().findings(uid)
    except NotFound:
        return []


def _row(finding: Finding, series: dict[str, dict[str, str]]) -> dict[str, Any]:
    return shown(finding) | {"finding_row": finding, "of": series[finding.series_uid]}
