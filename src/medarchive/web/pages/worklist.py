"""The worklist: the studies that an account may see."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.dicom.query import Match, Query
from medarchive.errors import BadQuery
from medarchive.insight.reading import LABELS
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.asked import Asked
from medarchive.web.pages.badges import badges, strongest
from medarchive.web.rights import within
from medarchive.web.visits import note

__all__ = ["worklist"]

_HEADINGS = (
    ("patient", "Patient"),
    ("id", "ID"),
    ("born", "Born"),
    ("date", "Date"),
    ("modality", "Modalities"),
    ("description", "Description"),
    ("images", "Series / images"),
)
_MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "OT", "PT", "RF", "SC", "SR", "US", "XA")


@needs("view")
def worklist(request: HttpRequest) -> HttpResponse:
    """Studies that match what is asked for, the newest first."""
    asked = Asked.of(request.GET)
    trouble, found, count = "", [], 0
    try:
        query = within(request.user, asked.query())
        count = here.archive().count(query)
        if asked.page > asked.pages(count):
            asked = replace(asked, page=asked.pages(count))
            query = within(request.user, asked.query())
        found = list(here.archive().find(query))
        _searched(request, asked, query, count)
    except BadQuery as error:
        trouble = str(error)
    pages = asked.pages(count)
    shown = {
        "asked": asked,
        "trouble": trouble,
        "studies": [_row(match) for match in found],
        "count": count,
        "pages": pages,
        "before": asked.address(page=asked.page - 1) if asked.page > 1 else "",
        "after": asked.address(page=asked.page + 1) if asked.page < pages else "",
        "headings": [_heading(asked, name, title) for name, title in _HEADINGS],
        "labels": sorted({label for labels in LABELS.values() for label in labels}),
        "modalities": _MODALITIES,
    }
    return render(request, "web/worklist.html", shown, status=400 if trouble else 200)


def _row(match: Match) -> dict[str, object]:
    badge = strongest(badges(match.values["StudyInstanceUID"])) if match.values["StudyInstanceUID"] else None
    return {**match.values, "badge": badge}


def _heading(asked: Asked, name: str, title: str) -> dict[str, str]:
    """A column's head: where it leads, and how the table is sorted by it now (``aria-sort``)."""
    now = {name: "ascending", f"-{name}": "descending"}.get(asked.sort, "none")
    return {"title": title, "sorted": now, "address": asked.address(sort=f"-{name}" if now == "ascending" else name)}


def _searched(request: HttpRequest, asked: Asked, query: Query, count: int) -> None:
    """Note a search: which fields were asked by, never what stood in them."""
    by = sorted(name for name, value in asked.fields.items() if value)
    if by and not query.offset:
        note(request, "query", "", f"studies by {', '.join(by)}: {count} found")
