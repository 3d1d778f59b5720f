"""Bulk: values that the metadata gives by a URI (PS3.18 10.4, the bulk data resources)."""

import io
from collections.abc import Sequence
from typing import BinaryIO

from django.http import HttpRequest, HttpResponseBase

from medarchive.archive.opened import Opened, Section
from medarchive.archive.seekable import Seekable
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import told
from medarchive.web.dicomweb.media import OCTETS
from medarchive.web.dicomweb.model import Place, places
from medarchive.web.dicomweb.sending import CHUNK, Part, multipart, single, unchanged
from medarchive.web.dicomweb.targets import root, targets
from medarchive.web.dicomweb.values import little
from medarchive.web.gate import needs
from medarchive.web.visits import visit

__all__ = ["bulk"]

_OFFERS = (Offer(OCTETS), Offer(OCTETS, multipart=True))


@needs("view", program=True)
@told
def bulk(request: HttpRequest, study: str, series: str, instance: str, where: str) -> HttpResponseBase:
    """One value in little endian; of pixel data the frames one after the other, decoded."""
    (target,) = targets(request, study, series, instance)
    offer = chosen(ranges(request), _OFFERS)
    tag = f'"{target.sha256}-{where.upper()}"'
    known = unchanged(request, tag)
    if known is not None:
        return known
    file = here.archive().opened(target.uid, lambda opened: _value(opened, where.upper()))
    visit(request, study, "study")
    if not offer.multipart:
        return single(request, file, OCTETS, tag)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return multipart(OCTETS, [Part(OCTETS, f"{root(request)}{target.path}/bulkdata/{where}", size, lambda: file)])


def _value(opened: Opened, where: str) -> BinaryIO:
    place = next((place for place in places(opened) if place.path == where), None)
    if place is None:
        raise NotFound(f"{opened.record.uid}: no bulk data at {where[:200]}; the metadata names what there is")
    if place.length is None:
        return io.BufferedReader(FrameFile(opened.record.uid, opened), CHUNK)
    return opened.guarded(lambda sections: _read(sections, place))


def _read(sections: Sequence[Section], place: Place) -> io.BytesIO:
    stream, _, _ = sections[place.section]
    stream.seek(place.start)
    return io.BytesIO(little(place.vr, stream.read(place.length or 0), big=place.big))


class FrameFile(Seekable):
    """All frames of an instance as one file, each read when it is its turn."""

    def __init__(self, uid: str, opened: Opened) -> None:
        self._uid = uid
        self._frame = opened.native_frame(0)
        self._number = 0
        self._each = len(self._frame)
        super().__init__(self._each * opened.frames)

    def read_at(self, position: int, count: int) -> bytes:
        """Read within one frame."""
        number, at = divmod(position, self._each)
        if number != self._number:
            self._frame = here.archive().opened(self._uid, lambda opened: opened.native_frame(number))
            self._number = number
        return self._frame[at : at + count]
