"""Pixels: what the viewer shows, as stored values; it puts them through rescale and window itself."""

import json
from typing import Any

import zstandard
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from numpy.typing import NDArray

from medarchive.dicom.colour import coloured
from medarchive.dicom.query import Level
from medarchive.dicom.showing import tables
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import image, images
from medarchive.web.pages.slices import described
from medarchive.web.visits import visit

__all__ = ["frame", "lookup_tables", "series_frames"]

_WORTH_COMPRESSING = 1 << 15
_FOREVER = "private, max-age=31536000, immutable"


@needs("view")
def series_frames(request: HttpRequest, uid: str) -> HttpResponse:
    """The frames of a series, see ``slices.described``."""
    records = images(request, Level.SERIES, uid)
    visit(request, uid, "series")
    answer = JsonResponse(described(records))
    answer["Cache-Control"] = "private, no-cache"
    return _smaller(request, answer)


@needs("view")
def frame(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """A frame's stored values, row by row, little endian; colour as RGB of 8 bits.

    An address that names the object's hash, ``v``, stays what it is: browsers keep the answer.
    The header ``X-Frame`` says ``rows``, ``columns``, ``samples`` a pixel, ``bytes`` a sample and ``signed``.
    """
    record = image(request, uid)
    visit(request, record.series_uid, "series")
    archive = here.archive()
    found = archive.frame(uid, number)
    header = archive.header(uid, _COLOUR)
    colour = coloured(header, found)
    pixels: NDArray[Any] = found.pixels[0, ..., :1] if colour is None else colour
    answer = HttpResponse(
        pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes(), content_type="application/octet-stream"
    )
    said = dict(zip(("rows", "columns", "samples"), pixels.shape, strict=True))
    answer["X-Frame"] = json.dumps({**said, "bytes": pixels.dtype.itemsize, "signed": pixels.dtype.kind == "i"})
    same = request.GET.get("v") == record.sha256[:12]
    answer["Cache-Control"] = _FOREVER if same else "private, no-cache"
    return _smaller(request, answer)


@needs("view")
def lookup_tables(request: HttpRequest, uid: str) -> HttpResponse:
    """The look-up tables of an object that has some."""
    visit(request, image(request, uid).series_uid, "series")
    found = tables(here.archive().header(uid))
    if not any(found.values()):
        raise Http404("no look-up tables")
    answer = JsonResponse(found)
    answer["Cache-Control"] = "private, no-cache"
    return _smaller(request, answer)


_COLOUR = (
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "PixelRepresentation",
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
)


def _smaller(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The same compressed, where the browser takes zstd: level 1 is quicker than a network of 1 Gbit/s."""
    wanted = request.headers.get("Accept-Encoding", "").replace(" ", "").split(",")
    if "zstd" in wanted and len(answer.content) > _WORTH_COMPRESSING:
        answer.content = zstandard.ZstdCompressor(level=1).compress(answer.content)
        answer["Content-Encoding"] = "zstd"
        answer["Content-Length"] = str(len(answer.content))
    answer["Vary"] = "Accept-Encoding"
    return answer
