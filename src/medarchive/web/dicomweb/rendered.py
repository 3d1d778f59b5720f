"""Rendered: frames as pictures that a browser shows, and thumbnails (PS3.18 10.4, the rendered resources)."""

import zlib
from collections.abc import Sequence
from functools import partial
from io import BytesIO

from django.http import HttpRequest, HttpResponseBase

from medarchive.archive.opened import Opened
from medarchive.dicom.encapsulated import DECODED
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import told
from medarchive.web.dicomweb.frames import numbers
from medarchive.web.dicomweb.look import look_of
from medarchive.web.dicomweb.media import FRAMES
from medarchive.web.dicomweb.picture import Look, Viewport, drawn, encoded
from medarchive.web.dicomweb.sending import Part, multipart, single, unchanged
from medarchive.web.dicomweb.targets import Target, root, targets
from medarchive.web.gate import needs
from medarchive.web.visits import visit

__all__ = ["rendered", "thumbnail"]

_KINDS = ("image/jpeg", "image/png")
_SMALL = Look(viewport=Viewport(128, 128), quality=80)
Shown = tuple[Target, int]
"""An instance, and the number of a frame from 1."""


@needs("view", program=True)
@told
def rendered(
    request: HttpRequest, study: str, series: str = "", instance: str = "", listed: str = ""
) -> HttpResponseBase:
    """All frames in several parts, or, of a study, series or instance in one part, the one in the middle."""
    look = look_of(request, Look())
    images = _images(targets(request, study, series, instance))
    asked = numbers(listed) if listed else []
    offers = [Offer(kind, multipart=many) for many in (False, True) for kind in _KINDS if many or len(asked) < 2]
    offer = chosen(ranges(request), offers)
    if not offer.multipart:
        return _one(request, images, asked, look, offer.media)
    shown = [(image, number) for image in images for number in asked or range(1, _count(image) + 1)]
    _inside(images[0], asked)
    visit(request, study, "study")
    address = root(request)
    parts = [
        Part(offer.media, f"{address}{t.path}/frames/{n}/rendered", None, partial(_drawn, (t, n), look, offer.media))
        for t, n in shown
    ]
    return multipart(offer.media, parts)


@needs("view", program=True)
@told
def thumbnail(
    request: HttpRequest, study: str, series: str = "", instance: str = "", listed: str = ""
) -> HttpResponseBase:
    """A small picture of the frame in the middle, or of the frame that is named."""
    look = look_of(request, _SMALL)
    images = _images(targets(request, study, series, instance))
    offer = chosen(ranges(request), [Offer(kind) for kind in _KINDS])
    return _one(request, images, numbers(listed)[:1] if listed else [], look, offer.media)


def _one(
    request: HttpRequest, images: Sequence[Target], asked: Sequence[int], look: Look, media: str
) -> HttpResponseBase:
    same = [image for image in images if image.series == images[0].series]
    target = same[len(same) // 2]
    _inside(target, asked)
    number = asked[0] if asked else _count(target) // 2 + 1
    tag = f'"{target.sha256}-{number}-{zlib.crc32(repr(look).encode()):08x}-{media[6:]}"'
    known = unchanged(request, tag)
    if known is not None:
        return known
    visit(request, target.study, "study")
    return single(request, _drawn((target, number), look, media), media, tag)


def _drawn(shown: Shown, look: Look, media: str) -> BytesIO:
    target, number = shown

    def draw(opened: Opened) -> BytesIO:
        picture = drawn(opened.dataset(), opened.values(number - 1), number - 1, look)
        return encoded(picture, media, look.quality)

    return here.archive().opened(target.uid, draw)


def _images(found: Sequence[Target]) -> list[Target]:
    """Those that can be shown.

    Raises:
        NotFound: none can.
    """
    images = [each for each in found if each.image and (each.syntax not in FRAMES or each.syntax in DECODED)]
    if not images:
        raise NotFound(f"{found[0].uid}: no image that can be shown")
    return images


def _count(target: Target) -> int:
    return here.archive().opened(target.uid, lambda opened: opened.frames)


def _inside(target: Target, asked: Sequence[int]) -> None:
    if asked and max(asked) > (count := _count(target)):
        raise NotFound(f"{target.uid} has {count} frames; there is no frame {max(asked)}")
