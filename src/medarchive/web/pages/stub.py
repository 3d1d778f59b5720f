"""Stub, until the pages are here: thumbnails, and addresses of a study and an instance."""

import imagecodecs
import numpy as np
from django.http import Http404, HttpRequest, HttpResponse

from medarchive.archive.pictures import header_of
from medarchive.dicom.display import view
from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.rights import sees


@needs("view")
def thumbnail(request: HttpRequest, uid: str, frame: int) -> HttpResponse:
    """A small picture of a frame."""
    try:
        sees(here.archive(), request.user, Level.IMAGE, uid)
    except NotFound as error:
        raise Http404(str(error)) from error
    with here.archive().load(uid) as file:
        header = header_of(file)
    grey = view(header, here.archive().frame(uid, frame), frame).shown()
    step = max(1, max(grey.shape) // 192)
    small = np.rint(255 * grey[::step, ::step]).astype(np.uint8)
    return HttpResponse(imagecodecs.png_encode(small), content_type="image/png")


@needs("view")
def stub(_: HttpRequest, **__: str) -> HttpResponse:
    """A page that is not here yet."""
    return HttpResponse("here")
