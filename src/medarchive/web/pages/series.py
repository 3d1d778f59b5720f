"""A series: its images in the viewer; what has no pixels as a list."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from medarchive.archive.holdings import Holding
from medarchive.dicom.query import Level
from medarchive.dicom.showing import KEYWORDS, showing
from medarchive.errors import MedarchiveError
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import one, under
from medarchive.web.pages.study import Shelf, shelves
from medarchive.web.visits import visit

__all__ = ["series"]

_MOST_LISTED = 500
_MODULES = tuple(
    f"web/viewer/{name}.js"
    for name in (
        *("main", "actions", "camera", "gestures", "letters", "lut"),
        *("measure", "panel", "pixels", "presets", "stack", "view"),
    )
)
"""Loaded at once, and not one after the other as they name each other."""


@needs("view")
def series(request: HttpRequest, uid: str) -> HttpResponse:
    """The page of a series."""
    values = one(request, Level.SERIES, uid)
    around = shelves(request, values["StudyInstanceUID"])
    this = next((each for each in around if each.values["SeriesInstanceUID"] == uid), None)
    if this is None or this.kept is None:
        raise Http404(f"there is no series {uid} here")
    visit(request, uid, "series")
    shown = {"series": this, "around": around, "study": this.values}
    if this.kept.images:
        return render(request, "web/series.html", {**shown, "told": _told(this), "modules": _MODULES})
    objects = under(request, Level.IMAGE, Level.SERIES, uid, "InstanceNumber")
    return render(request, "web/objects.html", {**shown, "objects": objects[:_MOST_LISTED], "count": len(objects)})


def _first_look(kept: Holding) -> dict[str, object] | None:
    """How the first image is shown, so that it need not wait for what is said of the others; None: unknown yet."""
    try:
        header = here.archive().header(kept.middle, KEYWORDS)
    except MedarchiveError:
        return None
    said = showing(header, kept.middle_frame)
    return None if said["tables"] else said


def _told(this: Shelf) -> dict[str, object]:
    """What the viewer's program is told at its start."""
    values, kept = this.values, this.kept
    assert kept is not None
    # The program puts a UID in the place of UID, and a number in that of FRAME.
    return {
        "frames": reverse("series-frames", args=[values["SeriesInstanceUID"]]),
        "frame": reverse("frame", args=["UID", 0]).replace("/frames/0/", "/frames/FRAME/"),
        "tables": reverse("lookup-tables", args=["UID"]),
        "attributes": reverse("attributes", args=["UID"]),
        "first": [kept.middle, kept.middle_frame, kept.middle_version],
        "look": _first_look(kept),
        "modality": values["Modality"],
    }
