"""Codestreams: how large an image a compressed frame announces, read from its first bytes.

A decoder takes memory for what the codestream announces, whatever the DICOM header says: so look before decoding.
"""

import struct
from collections.abc import Iterator

from medarchive.codecs.jpegxl_header import jpegxl_size
from medarchive.errors import CorruptStream

__all__ = ["announced_shape", "jpeg_transform"]

_JPEG_START = b"\xff\xd8"
_J2K_START = b"\xff\x4f\xff\x51"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Start of frame in JPEG (ITU-T T.81 table B.1) and, the last one, in JPEG-LS (T.87 C.2.2)."""


def announced_shape(data: bytes) -> tuple[int, int, int | None]:
    """Rows, columns and samples that a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL frame announces.

    JPEG XL says the samples further behind; they are at most a few, and given as None.

    Raises:
        CorruptStream: it is none of these, or breaks off before it says.
    """
    if data.startswith(_JPEG_START):
        for marker, segment in _segments(data):
            if marker in _SOF and len(segment) >= 6:
                rows, columns, samples = struct.unpack_from(">HHB", segment, 1)
                return rows, columns, samples
        raise CorruptStream("a JPEG stream without a frame header")
    if data[4:8] == b"jP  ":  # a JP2 file, against PS3.5 A.4.4, but met
        data = data[max(data.find(_J2K_START), 0) :]
    if data.startswith(_J2K_START) and len(data) >= 42:  # SOC, then SIZ (ITU-T T.800 A.5.1)
        right, bottom, left, top = struct.unpack_from(">IIII", data, 8)
        return max(bottom - top, 0), max(right - left, 0), struct.unpack_from(">H", data, 40)[0]
    return *jpegxl_size(data), None


def jpeg_transform(data: bytes) -> int | None:
    """What a JPEG stream's Adobe segment says of colour: 0 none, 1 YCbCr; None where there is no such segment."""
    for marker, segment in _segments(data):
        if marker == 0xEE and segment.startswith(b"Adobe") and len(segment) >= 12:
            return segment[11]
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker segments of a JPEG stream up to its first scan (ITU-T T.81 B.1.1.4)."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        length = struct.unpack_from(">H", data, position + 2)[0]
        if marker == 0xDA or length < 2:
            return
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + length
