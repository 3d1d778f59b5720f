"""Part 10 files as bytes: where the data set begins, where its pixel data lies, what the header says (PS3.10 7).

Keeps the values of a few dozen wanted elements and never takes more memory than those. Stops at the first top-level
pixel data element: what follows is kept as bytes and needs no understanding.
"""

import io
import re
import struct
import warnings
from dataclasses import dataclass, field
from typing import BinaryIO

import pydicom
from pydicom.charset import decode_bytes, python_encoding
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medarchive.dicom.attributes import WANTED
from medarchive.dicom.deflated import inflated
from medarchive.dicom.elements import UNDEFINED, VRS, Lost, Walk
from medarchive.errors import LimitExceeded, NotDicom

__all__ = [
    "DEFLATED",
    "IMPLEMENTATION_UID",
    "PIXEL_TAGS",
    "Header",
    "PixelElement",
    "as_inflated",
    "file_meta",
    "read_header",
    "skip_meta",
]

PIXEL_TAGS = {0x7FE00008: "float", 0x7FE00009: "double", 0x7FE00010: "native"}
"""Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""

DEFLATED = "the data set is deflated"
"""The trouble of headers whose pixel data lies in a deflated data set."""

_LONGEST_VALUE = 1 << 16
_MOST_INFLATED = 64 << 20
_META_TAGS = frozenset((0x00020002, 0x00020003, 0x00020010))
IMPLEMENTATION_UID = b"2.25.276088391453520636135820297444974896734"
_IMPLEMENTATION_NAME = b"MEDARCHIVE"


@dataclass(frozen=True, slots=True)
class PixelElement:
    """The top-level pixel data element.

    Attributes:
        tag: one of ``PIXEL_TAGS``.
        vr: its value representation; OW where the transfer syntax is implicit (PS3.5 A.1).
        value_offset: where its value begins, in bytes from the start of the file.
        value_length: its length as declared, or None where it is undefined (encapsulated, PS3.5 A.4).
    """

    tag: int
    vr: str
    value_offset: int
    value_length: int | None


@dataclass(slots=True)
class Header:
    """What a Part 10 file says of itself before its pixel data.

    Attributes:
        transfer_syntax: UID; where File Meta names none, the one that the bytes look like.
        dataset_offset: where the data set begins, in bytes.
        size: of the file, in bytes.
        implicit: whether the elements carry no VR; ``big_endian``: their byte order.
        pixel: the pixel data element, None where there is none or where it could not be located.
        trouble: why the element structure could not be followed, empty where it could.
        values: raw values of the wanted elements that are there, by tag.
    """

    transfer_syntax: str
    dataset_offset: int
    size: int
    implicit: bool
    big_endian: bool
    pixel: PixelElement | None = None
    trouble: str = ""
    values: dict[int, bytes] = field(default_factory=dict)

    def integer(self, tag: int) -> int | None:
        """The value of a US or IS element, None where it is absent or no number."""
        raw = self.values.get(tag, b"")
        if tag == 0x00280008:  # Number of Frames, the one IS among them
            text = raw.strip(b" \0")
            return int(text) if re.fullmatch(rb"[+-]?\d{1,12}", text) else None
        return int(struct.unpack(self._order + "H", raw[:2])[0]) if len(raw) >= 2 else None

    def text(self, tag: int, vr: str) -> str:
        """The value of any wanted element as text; several values are joined by a backslash."""
        raw = self.values.get(tag)
        if not raw:
            return ""
        if vr == "US" and len(raw) == 2:
            return str(int.from_bytes(raw, "big" if self.big_endian else "little"))
        if vr in ("US", "SS"):
            code = "H" if vr == "US" else "h"
            return "\\".join(str(number) for (number,) in struct.iter_unpack(self._order + code, raw[: len(raw) & ~1]))
        if vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
            if raw.isascii() and b"\x1b" not in raw:
                return raw.decode("ascii")  # the same in every character set
            return _decoded(raw, self._encodings(), vr)
        return raw.decode("latin-1")

    @property
    def _order(self) -> str:
        return ">" if self.big_endian else "<"

    def _encodings(self) -> list[str]:
        terms = self.values.get(0x00080005, b"").decode("latin-1").strip(" \0").split("\\")
        spelled = [re.sub(r"^ISO[ _-]?IR[ _-]?", "ISO_IR ", term.strip(), flags=re.IGNORECASE) for term in terms]
        return [python_encoding.get(term, "iso8859") for term in spelled]


def read_header(stream: BinaryIO) -> Header:
    """Read a Part 10 file up to its pixel data.

    Where the element structure cannot be followed, the header is read once more by pydicom, which forgives more, and
    ``trouble`` says why: such an object can be kept, but not split.

    Raises:
        NotDicom: there is no Part 10 prefix, or nothing can make sense of what follows it.
        LimitExceeded: a deflated data set has more than 64 MiB before its pixel data.
    """
    size = stream.seek(0, io.SEEK_END)
    walk = Walk(stream, 0, size)
    if walk.at(128, 4) != b"DICM":
        raise NotDicom("no DICM prefix at byte 128: this is no DICOM Part 10 file (PS3.10 7.1)")
    meta = _read_meta(walk)
    syntax = meta.get(0x00020010, b"").decode("latin-1").strip(" \0")
    offset = walk.position
    if offset >= size:
        raise NotDicom("the file ends after its File Meta Information: there is no data set")
    if syntax == DeflatedExplicitVRLittleEndian:
        return _deflated_header(stream, offset, size)
    implicit, big = _encoding_of(syntax, walk.at(offset, 6))
    header = Header(syntax or _guessed(implicit, big=big), offset, size, implicit, big)
    try:
        header.pixel = _read_dataset(walk, header)
    except Lost as lost:
        header.trouble = str(lost)
        _forgivingly(stream, header, lost)
    return header


def _deflated_header(stream: BinaryIO, offset: int, size: int) -> Header:
    """The header of a deflated data set, of which as much is inflated as headers need and not more."""
    data, complete = inflated(stream, offset, _MOST_INFLATED)
    walk = Walk(data, 0, data.tell())
    implicit, _ = _encoding_of(DeflatedExplicitVRLittleEndian, walk.at(0, 6))
    header = Header(DeflatedExplicitVRLittleEndian, offset, size, implicit, False, trouble=DEFLATED)
    try:
        _read_dataset(walk, header)
    except Lost as lost:
        if not complete:
            megabytes = _MOST_INFLATED >> 20
            raise LimitExceeded(f"a deflated data set of more than {megabytes} MiB before its pixel data") from lost
        header.values.clear()
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        _forgivingly(io.BytesIO(file_meta("", "", syntax) + data.getvalue()), header, lost)
    return header


def as_inflated(stream: BinaryIO, header: Header, most: int) -> BinaryIO:
    """A deflated file as one that is not, of at most so many bytes.

    Raises:
        LimitExceeded: it would be larger.
    """
    data, complete = inflated(stream, header.dataset_offset, most)
    if not complete:
        raise LimitExceeded(f"the deflated data set has more than {most} bytes once inflated")
    stream.seek(0)
    meta = stream.read(header.dataset_offset)
    plain = ExplicitVRLittleEndian.encode("ascii").ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    return io.BytesIO(meta.replace(DeflatedExplicitVRLittleEndian.encode("ascii"), plain) + data.getvalue())


def skip_meta(stream: BinaryIO) -> str:
    """Position a Part 10 file at the first byte of its data set; returns the transfer syntax UID of its File Meta.

    Raises:
        NotDicom: there is no Part 10 prefix, or the File Meta Information cannot be followed.
    """
    walk = Walk(stream, 0, stream.seek(0, io.SEEK_END))
    if walk.at(128, 4) != b"DICM":
        raise NotDicom("no DICM prefix at byte 128: this is no DICOM Part 10 file (PS3.10 7.1)")
    meta = _read_meta(walk)
    stream.seek(walk.position)
    return meta.get(0x00020010, b"").decode("latin-1").strip(" \0")


def file_meta(sop_class: str, sop_instance: str, transfer_syntax: str, source_ae: str = "") -> bytes:
    """Preamble, prefix and File Meta Information for a data set that came over the network (PS3.10 7.1).

    The same arguments give the same bytes, so that the same transfer twice gives the same file.
    """
    elements = b"".join(
        (
            b"\x02\x00\x01\x00OB\0\0\x02\0\0\0\x00\x01",
            _short_element(0x0002, b"UI", sop_class.encode("ascii", "replace"), b"\0"),
            _short_element(0x0003, b"UI", sop_instance.encode("ascii", "replace"), b"\0"),
            _short_element(0x0010, b"UI", transfer_syntax.encode("ascii", "replace"), b"\0"),
            _short_element(0x0012, b"UI", IMPLEMENTATION_UID, b"\0"),
            _short_element(0x0013, b"SH", _IMPLEMENTATION_NAME, b" "),
            _short_element(0x0016, b"AE", source_ae.encode("ascii", "replace"), b" ") if source_ae else b"",
        )
    )
    return bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(elements)) + elements


def _short_element(element: int, vr: bytes, value: bytes, padding: bytes) -> bytes:
    value += padding * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def _read_dataset(walk: Walk, header: Header) -> PixelElement | None:
    """Walk the data set up to its pixel data, keeping wanted values.

    Raises:
        Lost: the structure breaks off or makes no sense.
    """
    while walk.position < walk.end:
        if walk.end - walk.position < 8 and not any(walk.at(walk.position, 8)):
            return None  # a few zeros of padding behind the last element
        tag, vr, length = walk.element(implicit=header.implicit, big=header.big_endian)
        if tag in PIXEL_TAGS:
            kind = vr.decode("ascii") or "OW"
            return PixelElement(tag, kind, walk.position, None if length == UNDEFINED else length)
        if walk.stray_delimiter(tag, length):
            continue
        if length == UNDEFINED:
            walk.skip_items(implicit=header.implicit or vr == b"UN", big=header.big_endian)
        elif tag in WANTED and length <= _LONGEST_VALUE:
            header.values[tag] = walk.take(length)
        else:
            walk.skip(length)
    return None


def _read_meta(walk: Walk) -> dict[int, bytes]:
    """The wanted values of group 2, explicit little endian (PS3.10 7.1); leaves the walk at the data set.

    Some writers make it implicit, against the standard; elements without a VR are read so.
    """
    values: dict[int, bytes] = {}
    walk.position = 132
    try:
        while (start := walk.at(walk.position, 6))[:2] == b"\x02\x00":
            vr = start[4:6]
            tag, _, length = walk.element(implicit=not (vr.isalpha() and vr.isupper()), big=False)
            if tag in _META_TAGS:
                values[tag] = walk.take(min(length, 1024))
                walk.skip(max(length - 1024, 0))
            else:
                walk.skip(length)
    except Lost as lost:
        raise NotDicom(f"the File Meta Information cannot be read: {lost}") from lost
    return values


def _encoding_of(syntax: str, start: bytes) -> tuple[bool, bool]:
    """Whether the data set is implicit and whether it is big endian; its first bytes overrule what was declared."""
    big = syntax == ExplicitVRBigEndian or (not syntax and len(start) > 1 and start[0] == 0 and start[1] != 0)
    looks_explicit = start[4:6] in VRS
    return not looks_explicit, big and looks_explicit


def _guessed(implicit: bool, *, big: bool) -> str:
    return ImplicitVRLittleEndian if implicit else ExplicitVRBigEndian if big else ExplicitVRLittleEndian


def _forgivingly(stream: BinaryIO, header: Header, lost: Lost) -> None:
    """Take the wanted values from pydicom, which reads on where the standard's structure is broken.

    Raises:
        NotDicom: it cannot, either.
    """
    stream.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the file is odd is known already
            found = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=sorted(WANTED))
            raw = {tag: found.get_item(tag) for tag in WANTED}
    except Exception as error:  # a broken file may break it anywhere
        raise NotDicom(f"the data set cannot be read: {lost}") from error
    values = {tag: element.value for tag, element in raw.items() if element is not None}
    header.values.update({tag: value for tag, value in values.items() if isinstance(value, bytes)})


def _decoded(raw: bytes, encodings: list[str], vr: str) -> str:
    """Text in the character sets of (0008,0005), ISO 2022 escapes too (PS3.5 6.1.2). What fits none is replaced."""
    if len(encodings) > 1 or b"\x1b" in raw:
        delimiters = {0x5C, 0x5E, 0x3D} if vr == "PN" else {0x5C, 0x0D, 0x0A, 0x09, 0x0C}
        try:
            return decode_bytes(raw, encodings, delimiters)
        except Exception:  # noqa: BLE001  # escapes that lead nowhere
            return raw.decode("iso8859", "replace")
    return raw.decode(encodings[0], "replace")
