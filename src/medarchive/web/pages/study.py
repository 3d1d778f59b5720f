"""A study: whose it is, its series, what was read in them, what is kept of them, and the patient's other studies."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.archive.holdings import Holding
from medarchive.dicom.query import Level, Query
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.badges import Badge, badges
from medarchive.web.pages.entities import Values, key, under
from medarchive.web.rights import within
from medarchive.web.visits import visit

__all__ = ["Shelf", "others_of", "shelves", "study"]

_MOST_OTHERS = 50


@dataclass(frozen=True, slots=True)
class Shelf:
    """A series as the page shows it.

    Attributes:
        values: of the series and what is above it.
        kept: what is kept of it; None where it went a moment ago.
        badges: what was read in it.
    """

    values: Values
    kept: Holding | None
    badges: list[Badge]

    @property
    def saved(self) -> float:
        """The share of its bytes that need not be kept, 0 to 1."""
        return max(1 - self.kept.stored_bytes / self.kept.size, 0.0) if self.kept and self.kept.size else 0.0


@needs("view")
def study(request: HttpRequest, uid: str) -> HttpResponse:
    """The page of a study."""
    found = shelves(request, uid)
    visit(request, uid, "study")
    size = sum(each.kept.size for each in found if each.kept)
    stored = sum(each.kept.stored_bytes for each in found if each.kept)
    shown = {
        "study": found[0].values,
        "series": found,
        "size": size,
        "stored": stored,
        "saved": max(1 - stored / size, 0.0) if size else 0.0,
        "others": others_of(request, found[0].values),
    }
    return render(request, "web/study.html", shown)


def shelves(request: HttpRequest, uid: str) -> list[Shelf]:
    """The series of a study in the order of their numbers.

    Raises:
        Http404: there is no such study, or none that the account may see.
    """
    found = under(request, Level.SERIES, Level.STUDY, uid, "SeriesNumber")
    kept = here.archive().holdings(uid)
    read: dict[str, list[Badge]] = {}
    for badge in badges(uid):
        read.setdefault(badge.series, []).append(badge)
    return [
        Shelf(values, kept.get(values["SeriesInstanceUID"]), read.get(values["SeriesInstanceUID"], []))
        for values in found
    ]


def others_of(request: HttpRequest, values: Values) -> list[Values]:
    """The other studies of a study's patient, the newest first; of nobody where it has no Patient ID."""
    if not values["PatientID"]:
        return []
    query = Query(Level.STUDY, (key(Level.PATIENT, values["PatientID"]),), limit=_MOST_OTHERS, order=("-StudyDate",))
    found = (match.values for match in here.archive().find(within(request.user, query)))
    return [
        each
        for each in found
        if each["StudyInstanceUID"] != values["StudyInstanceUID"]
        and each["IssuerOfPatientID"] == values["IssuerOfPatientID"]
    ]
