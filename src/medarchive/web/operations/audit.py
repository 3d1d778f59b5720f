"""The audit page, for administrators."""

import csv
import json
from collections.abc import Generator, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from medarchive.archive.audit import ACTIONS, FACES, OUTCOMES, RECORD, Event
from medarchive.archive.messages import message
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.operations.numbers import number_in
from medarchive.web.pieces import Pieces
from medarchive.web.visits import note, visit

__all__ = ["audit", "export"]

Lines = Generator[str, None, None]

_PAGE = 100
_NAMES = ("who", "action", "object", "outcome", "face", "origin")
_COLUMNS = ("id", "at", "who", "origin", "face", "action", "object", "outcome", "detail")


@needs("administer")
def audit(request: HttpRequest) -> HttpResponse:
    """The newest records that meet the filters."""
    visit(request, RECORD, "audit record")
    chosen, wrong = _chosen(request)
    log = here.archive().audit
    before = number_in(request.GET.get("before", ""))
    found = [] if wrong else list(log.events(**chosen, limit=_PAGE + 1, before=before))
    asked = {name: request.GET.get(name, "") for name in (*_NAMES, "since", "until")}
    filters = request.GET.copy()
    filters.pop("before", None)
    filters.pop("verify", None)
    shown: dict[str, object] = {
        "events": found[:_PAGE],
        "asked": asked,
        "wrong": wrong,
        "choices": {"action": ACTIONS, "outcome": OUTCOMES, "face": FACES},
        "head": log.head(),
        "filters": filters.urlencode(),
        "later": before is not None,
    }
    if len(found) > _PAGE:
        older = filters.copy()
        older["before"] = str(found[_PAGE - 1].id)
        shown["older"] = older.urlencode()
    if "verify" in request.GET:
        shown |= {"verified": True, "broken": log.broken()}
    return render(request, "web/operations/audit.html", shown)


@needs("administer")
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All records that meet the filters: as CSV, as JSON lines, or as audit messages of PS3.15 A.5."""
    chosen, wrong = _chosen(request)
    if wrong:
        return HttpResponse(wrong, status=400, content_type="text/plain")
    kind, write = _FORMATS.get(request.GET.get("format", ""), _FORMATS["csv"])
    note(request, "download", RECORD)
    lines = write(here.archive().audit.events(**chosen))
    answer = StreamingHttpResponse(Pieces.of_lines(lines), content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="audit.{kind.rpartition("/")[2]}"'
    return answer


def _chosen(request: HttpRequest) -> tuple[dict[str, Any], str]:
    """What to choose by, as ``Audit.events`` takes it; and what is wrong with it."""
    equal = {name: request.GET[name] for name in _NAMES if request.GET.get(name)}
    chosen: dict[str, Any] = {"equal": equal}
    for name in ("since", "until"):
        text = request.GET.get(name, "")
        try:
            moment = datetime.fromisoformat(text) if text else None
            if moment is not None and name == "until" and len(text) == len("2026-01-01"):
                moment += timedelta(days=1)  # the whole day
            if moment is not None:
                chosen[name] = moment.timestamp()
        except (ValueError, OverflowError, OSError):
            return {"equal": equal}, f"{name}: {text!r} is no date, such as 2026-11-26"
    return chosen, ""


class _Line:
    """What csv writes to: gives back the line."""

    def write(self, line: str) -> str:
        return line


def _csv(events: Iterator[Event]) -> Lines:
    writer = csv.writer(_Line())
    yield writer.writerow(_COLUMNS)
    for event in events:
        values = asdict(event)
        yield writer.writerow([_plain(values[name]) for name in _COLUMNS])


def _plain(value: object) -> object:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _json(events: Iterator[Event]) -> Lines:
    return (json.dumps(asdict(event), ensure_ascii=False) + "\n" for event in events)


def _xml(events: Iterator[Event]) -> Lines:
    source = here.archive().settings.ae_title
    return (message(event, source) + "\n" for event in events)


_FORMATS = {"csv": ("text/csv", _csv), "json": ("application/jsonl", _json), "xml": ("application/xml", _xml)}
"""Media type, the end of the file's name, and how to write it. Of XML there is one document a line."""
