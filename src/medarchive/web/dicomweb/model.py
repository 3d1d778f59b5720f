"""Model: a data set as DICOM JSON (PS3.18 F), straight from its bytes; and where in them a value of it lies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from medarchive.archive.opened import Opened, Section
from medarchive.dicom.elements import UNDEFINED, Lost, Walk
from medarchive.dicom.part10 import PIXEL_TAGS
from medarchive.errors import DicomError
from medarchive.web.dicomweb.values import ISO_646, Encodings, encodings, json_value

__all__ = ["Place", "dicom_json", "places"]

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARSET, _REPRESENTATION = 0x00080005, 0x00280103
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_BULKY = _BINARY | frozenset(("DS", "FD", "FL", "IS", "LT", "SL", "SS", "ST", "SV", "UC", "UL", "US", "UT", "UV"))
"""What may be given by a URI (F.2.2)."""
_INLINE_BINARY, _INLINE = 1 << 10, 1 << 15
"""Bytes of binary values, and of others, that are given in place."""
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value that is given by a URI lies.

    Attributes:
        path: tags, and numbers of items between them: ``54000100/0/54001010``.
        vr: value representation.
        section: of which section of the opened instance.
        start: its first byte in that section's stream.
        length: bytes; None for pixel data, whose frames are given one by one.
        big: whether its words are big endian.
    """

    path: str
    vr: str
    section: int
    start: int
    length: int | None
    big: bool


@dataclass(slots=True)
class _Level:
    """What elements of a data set or item say of those after them."""

    charset: Encodings
    signed: bool
    creators: dict[int, str] = field(default_factory=dict)


def dicom_json(opened: Opened, uri: str) -> dict[str, Any]:
    """An instance's data set. Group 2, group lengths and the padding at the end are no part of it.

    Args:
        opened: the instance.
        uri: below which its bulk data lies, without a / at its end.

    Raises:
        DicomError: its structure cannot be followed.
    """
    return _read(opened, uri)[0]


def places(opened: Opened) -> list[Place]:
    """Where the values lie that ``dicom_json`` gives by a URI.

    Raises:
        DicomError: its structure cannot be followed.
    """
    return _read(opened, "")[1]


def _read(opened: Opened, uri: str) -> tuple[dict[str, Any], list[Place]]:
    header = opened.header

    def through(sections: Sequence[Section]) -> tuple[dict[str, Any], list[Place]]:
        reader = _Reader(uri)
        level = _Level(ISO_646, signed=False)
        answer: dict[str, Any] = {}
        try:
            for number, (stream, start, end) in enumerate(sections):
                reader.section = number
                walk = Walk(stream, start, end)
                reader.data_set(walk, answer, level, "", end, implicit=header.implicit, big=header.big_endian)
        except Lost as lost:
            raise DicomError(f"{opened.record.uid}: the data set cannot be followed: {lost}") from lost
        if "00080005" in answer:
            answer["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # as JSON is (F.2.1)
        return dict(sorted(answer.items())), reader.places

    return opened.guarded(through)


class _Reader:
    """Reads elements one after the other."""

    def __init__(self, uri: str) -> None:
        self.section = 0
        self.places: list[Place] = []
        self._uri = uri

    def data_set(
        self, walk: Walk, answer: dict[str, Any], level: _Level, path: str, end: int, *, implicit: bool, big: bool
    ) -> None:
        """The elements up to an end, or to the delimiter of an item of undefined length (end is UNDEFINED)."""
        while walk.position < min(end, walk.end):
            if end == walk.end and walk.end - walk.position < 8 and not any(walk.at(walk.position, 8)):
                return
            tag, code, length = walk.element(implicit=implicit, big=big)
            if tag == _ITEM_END:
                if end == UNDEFINED:
                    return
                continue
            if walk.stray_delimiter(tag, length):
                continue
            vr = _representation(tag, code.decode("ascii"), level)
            where = f"{path}{tag:08X}"
            if not path and tag in PIXEL_TAGS:
                self._pixels(walk, answer, where, vr, length, big=big)
                continue
            if length == UNDEFINED or vr == "SQ":
                implied = implicit or code == b"UN"
                items = self._items(walk, level, where, length, implicit=implied, big=big and code != b"UN")
                answer[where[-8:]] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
                continue
            found = self._value(walk, where, vr, length, level, big=big and code != b"UN")
            if tag & 0xFFFF:
                answer[where[-8:]] = found

    def _value(self, walk: Walk, where: str, vr: str, length: int, level: _Level, *, big: bool) -> dict[str, Any]:
        if vr in _BULKY and length > (_INLINE_BINARY if vr in _BINARY else _INLINE):
            self.places.append(Place(where, vr, self.section, walk.position, length, big))
            walk.skip(length)
            return {"vr": vr, "BulkDataURI": f"{self._uri}/{where}"}
        raw = walk.take(length)
        _learn(int(where[-8:], 16), raw, level, big=big)
        return {"vr": vr, **json_value(vr, raw, level.charset, big=big)}

    def _pixels(self, walk: Walk, answer: dict[str, Any], where: str, vr: str, length: int, *, big: bool) -> None:
        """Pixel data: passed over where it is there; where it was split off, the section ends."""
        self.places.append(Place(where, vr, self.section, walk.position, None, big))
        answer[where] = {"vr": vr, "BulkDataURI": f"{self._uri}/{where}"}
        if length == UNDEFINED:
            walk.skip_items(implicit=True, big=big)
        else:
            walk.position = min(walk.position + length, walk.end)

    def _items(
        self, walk: Walk, level: _Level, where: str, length: int, *, implicit: bool, big: bool
    ) -> list[dict[str, Any]]:
        """The items of a sequence (PS3.5 7.5)."""
        if where.count("/") >= 2 * _DEEPEST:
            raise Lost(f"sequences nested more than {_DEEPEST} deep at byte {walk.position}")
        items: list[dict[str, Any]] = []
        end = walk.end if length == UNDEFINED else walk.position + length
        if end > walk.end:
            raise Lost(f"a sequence at byte {walk.position} reaches beyond the end of the file")
        while walk.position < end:
            tag, _, size = walk.element(implicit=True, big=big)
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM:
                raise Lost(f"no item where one is due, at byte {walk.position - 8}")
            item: dict[str, Any] = {}
            stop = UNDEFINED if size == UNDEFINED else walk.position + size
            inner = _Level(level.charset, level.signed)
            self.data_set(walk, item, inner, f"{where}/{len(items)}/", stop, implicit=implicit, big=big)
            item.pop("00080005", None)
            items.append(item)
        return items


def _learn(tag: int, raw: bytes, level: _Level, *, big: bool) -> None:
    if tag == _CHARSET:
        level.charset = encodings(raw)
    elif tag == _REPRESENTATION:
        level.signed = raw[1 if big else 0 :][:1] == b"\x01"
    elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
        level.creators[tag & 0xFFFF00FF] = raw.decode("latin-1").strip(" \0")


def _representation(tag: int, said: str, level: _Level) -> str:
    """The VR of an element: that which it says, else that of the dictionary, of which there may be a choice."""
    if said and said != "UN":
        return said
    try:
        vr = _in_dictionary(tag, level)
    except KeyError:
        return "UN"
    choice = _CHOICES.get(vr)
    return choice(level) if choice else vr


def _in_dictionary(tag: int, level: _Level) -> str:
    if not tag >> 16 & 1:
        return dictionary_VR(tag)
    if tag & 0xFFFF <= 0xFF:
        return "LO"  # a private creator (PS3.5 7.8.1)
    return private_dictionary_VR(tag, level.creators[tag & 0xFFFF0000 | tag >> 8 & 0xFF])


_CHOICES: dict[str, Callable[[_Level], str]] = {
    "US or SS": lambda level: "SS" if level.signed else "US",
    "US or SS or OW": lambda level: "SS" if level.signed else "US",
    "US or OW": lambda _: "OW",
    "OB or OW": lambda _: "OW",
}
