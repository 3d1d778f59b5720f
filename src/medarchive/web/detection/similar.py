"""Similar images: what looks like an image, among those that an account may see."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.detection.shown import in_words
from medarchive.web.detection.visible import visible
from medarchive.web.gate import needs
from medarchive.web.rights import sees
from medarchive.web.visits import note

__all__ = ["similar"]

_SHOWN = 24


@needs("view")
def similar(request: HttpRequest, uid: str) -> HttpResponse:
    """The images most like one; the query says the frame, and whether other modalities and its own series count."""
    try:
        sees(here.archive(), request.user, Level.IMAGE, uid)
    except NotFound as error:
        raise Http404(str(error)) from error
    text = request.GET.get("frame", "")
    frame = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
    same, other = "same_modality" in request.GET, "other_series" in request.GET
    page = {"uid": uid, "frame": frame or 0, "same_modality": same, "other_series": other}
    try:
        found = here.archive().similar(
            uid, _SHOWN, frame=frame, same_modality=same, other_series=other, wanted=visible(request.user)
        )
    except NotFound as error:
        return render(request, "web/detection/similar.html", page | {"error": str(error)}, status=409)
    note(request, "similar", uid)
    page["similar"] = [{"like": each, "finding": in_words(each.finding)} for each in found]
    return render(request, "web/detection/similar.html", page)
