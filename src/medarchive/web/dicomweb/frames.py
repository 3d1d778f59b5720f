"""Frames: pixels of single frames, as they are stored or as they are wanted (PS3.18 10.4, the frames resources)."""

import io
import re
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from django.http import HttpRequest, HttpResponseBase

from medarchive.archive.opened import Opened
from medarchive.dicom.encapsulated import frame_bytes
from medarchive.dicom.part10 import read_header
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import BadRequest, told
from medarchive.web.dicomweb.media import NATIVE, frame_offers, frame_type
from medarchive.web.dicomweb.sending import Part, multipart, single, unchanged
from medarchive.web.dicomweb.targets import Target, root, targets
from medarchive.web.gate import needs
from medarchive.web.visits import visit

__all__ = ["frames", "numbers"]

_MOST = 10_000
"""Frames that one request may name."""


@needs("view", program=True)
@told
def frames(request: HttpRequest, study: str, series: str, instance: str, listed: str) -> HttpResponseBase:
    """Some frames of an instance, by their numbers from 1."""
    asked = numbers(listed)
    (target,) = targets(request, study, series, instance)
    syntax, compressed, count = here.archive().opened(target.uid, _facts)
    if max(asked) > count:
        raise NotFound(f"{instance} has {count} frames; there is no frame {max(asked)}")
    offer = chosen(ranges(request), frame_offers(syntax, compressed=compressed, alone=len(asked) == 1))
    tag = f'"{target.sha256}-{offer.syntax}-{len(asked)}-{asked[0]}"'
    known = unchanged(request, tag) if len(asked) == 1 else None
    if known is not None:
        return known
    visit(request, study, "study")
    source = _source(target, offer, stored=compressed and offer.syntax == syntax)
    media = frame_type(offer)
    if not offer.multipart:
        return single(request, source(asked[0]), media, tag)
    address = f"{root(request)}{target.path}/frames"
    answer = multipart(offer.media, [Part(media, f"{address}/{n}", None, partial(source, n)) for n in asked])
    if len(asked) == 1:
        answer["ETag"] = tag
    return answer


def numbers(listed: str) -> list[int]:
    """A list of frame numbers from 1, with commas between them.

    Raises:
        BadRequest: it is none.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}(,[1-9]\d{0,8})*", listed, re.ASCII):
        raise BadRequest(f"frames {listed[:64]!r}: expected numbers from 1 with commas between them, for example 1,2,3")
    found = [int(number) for number in listed.split(",")]
    if len(found) > _MOST:
        raise BadRequest(f"{len(found)} frames; one request may name {_MOST}")
    return found


def _facts(opened: Opened) -> tuple[str, bool, int]:
    return opened.header.transfer_syntax, opened.compressed, opened.frames


def _source(target: Target, offer: Offer, *, stored: bool) -> Callable[[int], BinaryIO]:
    """What gives a frame, by its number from 1."""
    archive = here.archive()
    if stored:
        return lambda number: io.BytesIO(archive.opened(target.uid, lambda opened: opened.stored_frame(number - 1)))
    if offer.syntax == NATIVE:
        return lambda number: io.BytesIO(archive.opened(target.uid, lambda opened: opened.native_frame(number - 1)))
    with archive.load(target.uid, transfer_syntax=offer.syntax) as file:
        written = io.BytesIO(file.read())
    header = read_header(written)
    count = max(header.integer(0x00280008) or 1, 1)
    return lambda number: io.BytesIO(frame_bytes(io.BytesIO(written.getvalue()), header, number - 1, count))
