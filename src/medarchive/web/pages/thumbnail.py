"""Thumbnails: small pictures of frames, as their objects want them shown."""

import hashlib
import io

import numpy as np
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from PIL import Image as Picture

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.recent import Recent
from medarchive.dicom.colour import coloured
from medarchive.dicom.display import view
from medarchive.dicom.showing import showing
from medarchive.errors import ArchiveBusy, MedarchiveError
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import image
from medarchive.web.visits import visit

__all__ = ["thumbnail"]

_SIZES = (128, 192, 256)
_VERSION = 1
_MOST_BYTES = 32 << 20
_NONE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128"><rect width="128" height="128" fill="#222"/>'
    b'<text x="64" y="68" fill="#ccc" font-family="sans-serif" font-size="13" text-anchor="middle">no picture</text>'
    b"</svg>"
)
_made: Recent[str, bytes] = Recent(_MOST_BYTES, len)
"""JPEGs by ETag. They stay in memory: nothing of a patient is left on a disk by them."""


@needs("view")
def thumbnail(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """A frame as JPEG, its longer side 192 pixels or what ``size`` asks for: 128, 192 or 256."""
    record = image(request, uid)
    visit(request, record.series_uid, "series", record.study_uid)
    asked = request.GET.get("size", "")
    size = int(asked) if asked in map(str, _SIZES) else _SIZES[1]
    tag = hashlib.sha256(f"{record.sha256} {number} {size} {_VERSION}".encode()).hexdigest()[:32]
    if request.headers.get("If-None-Match") == f'"{tag}"':
        answer: HttpResponse = HttpResponseNotModified()
    elif data := _cached(tag, record, number, size):
        answer = HttpResponse(data, content_type="image/jpeg")
    else:  # which may be another tomorrow
        answer = HttpResponse(_NONE, content_type="image/svg+xml")
        answer["Cache-Control"] = "private, no-cache"
        return answer
    answer["ETag"] = f'"{tag}"'
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _cached(tag: str, record: InstanceRecord, number: int, size: int) -> bytes:
    """The JPEG; nothing where the frame cannot be shown."""
    known = _made.get(tag)
    if known is not None:
        return known
    try:
        data = _jpeg(record, number, size)
    except ArchiveBusy:
        raise
    except MedarchiveError:
        return b""
    _made.keep(tag, data)
    return data


def _jpeg(record: InstanceRecord, number: int, size: int) -> bytes:
    archive = here.archive()
    header, frame = archive.header(record.uid), archive.frame(record.uid, number)
    colour = coloured(header, frame)
    if colour is None:
        colour = np.rint(255 * view(header, frame, number).shown()).astype(np.uint8)
    picture = Picture.fromarray(colour)
    aspect = float(showing(header, number)["aspect"])
    if not 0.1 < aspect < 10:
        aspect = 1.0
    wide, high = picture.width, picture.height * aspect
    scale = size / max(wide, high)
    picture = picture.resize((max(round(wide * scale), 1), max(round(high * scale), 1)), Picture.Resampling.BILINEAR)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()
