"""The header of a JPEG XL file: what a decoder would take memory for, read before it takes any.

Only single images of nothing but colour are let through. A file of a few hundred bytes may announce thousands of extra
channels, a preview or an animation; none of them occurs in what we write, nor in DICOM.
"""

import struct

from medarchive.errors import CorruptStream

__all__ = ["jpegxl_size"]

_CONTAINER = bytes.fromhex("0000000c4a584c200d0a870a")
_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_MOST_HEADER = 32
"""Bytes that are looked at; the fields that matter take fewer than 20."""


def jpegxl_size(data: bytes) -> tuple[int, int]:
    """Rows and columns that a JPEG XL file announces (ISO/IEC 18181-1 D.2 and D.3, 18181-2).

    Raises:
        CorruptStream: it is no JPEG XL file, or breaks off before it says; or it holds extra channels, a preview, an
            animation or an intrinsic size.
    """
    codestream = _codestream(data)
    if not codestream.startswith(_CODESTREAM):
        raise CorruptStream("this is no JPEG XL codestream")
    bits = _Bits(codestream[len(_CODESTREAM) :])
    size = _size(bits)
    if not bits.take(1):  # not all of the metadata are as by default
        if bits.take(1):
            bits.take(3)  # orientation: how to show it, not how it is stored
            if bits.take(3):
                raise CorruptStream("a JPEG XL file with a preview, an animation or an intrinsic size is not decoded")
        _skip_depth(bits)
        bits.take(1)  # whether 16-bit buffers are enough
        if bits.take(2):  # number of extra channels: selector 0 means none
            raise CorruptStream("a JPEG XL file with extra channels is not decoded")
    return size


def _size(bits: "_Bits") -> tuple[int, int]:
    small = bits.take(1)
    rows = _side(bits, small)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        return rows, rows * numerator // denominator
    return rows, _side(bits, small)


def _side(bits: "_Bits", small: int) -> int:
    return (bits.take(5) + 1) * 8 if small else bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


def _skip_depth(bits: "_Bits") -> None:
    """Bits per sample: a selector, behind it 6 bits where it is 3; 4 bits of exponent in floating point."""
    floating = bits.take(1)
    if bits.take(2) == 3:
        bits.take(6)
    if floating:
        bits.take(4)


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream: of the file itself, or of its first jxlc or jxlp box."""
    if not data.startswith(_CONTAINER):
        return data[:_MOST_HEADER]
    position = len(_CONTAINER)
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1 and position + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, position + 8)[0], 16
        end = position + size if size else len(data)  # 0: the last box, up to the end of the file
        if kind in (b"jxlc", b"jxlp"):
            start = position + head + (4 if kind == b"jxlp" else 0)
            return data[start : min(end, start + _MOST_HEADER)]
        if end < position + head:
            break
        position = end
    raise CorruptStream("a JPEG XL container without a codestream")


class _Bits:
    """Bits from the lowest of each byte on, as JPEG XL packs its headers."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:  # never guessed: what is missing here may stand in a box that a decoder finds
            raise CorruptStream("a JPEG XL header that breaks off")
        value = self._number & (1 << count) - 1
        self._number >>= count
        self._left -= count
        return value
