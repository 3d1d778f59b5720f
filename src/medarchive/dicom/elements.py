"""Elements as bytes: a walk from header to header that skips values, follows nesting to a limit, and keeps nothing.

Works on any seekable stream, in both byte orders, explicit and implicit (PS3.5 7.1, 7.5).
"""

import struct
from typing import BinaryIO

__all__ = ["UNDEFINED", "VRS", "Lost", "Walk"]

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter."""
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_FORM = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
VRS = _LONG_FORM | frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""The value representations of PS3.5 6.2."""

_LITTLE, _BIG = struct.Struct("<HH2sH"), struct.Struct(">HH2sH")
_LITTLE_LONG, _BIG_LONG = struct.Struct("<I"), struct.Struct(">I")
_DEEPEST = 64
_MOST_ELEMENTS = 2_000_000


class Lost(Exception):
    """The element structure cannot be followed from here. Never leaves this package."""


class Walk:
    """A position in a stream, and the steps from element to element."""

    def __init__(self, stream: BinaryIO, position: int, end: int) -> None:
        self.position = position
        self.end = end
        self._stream = stream
        self._buffer = b""
        self._start = 0
        self._elements = 0

    def at(self, position: int, length: int) -> bytes:
        """The bytes there; fewer at the end of the stream."""
        low = position - self._start
        if low < 0 or low + length > len(self._buffer):
            self._stream.seek(position)
            self._buffer, self._start, low = self._stream.read(max(length, 1 << 14)), position, 0
        return self._buffer[low : low + length]

    def take(self, length: int) -> bytes:
        """The next bytes.

        Raises:
            Lost: there are fewer.
        """
        data = self.at(self.position, length)
        if len(data) < length:
            raise Lost(f"{length} bytes at byte {self.position} reach beyond the end of the file")
        self.position += length
        return data

    def skip(self, length: int) -> None:
        """Pass over a value.

        Raises:
            Lost: it reaches beyond the end.
        """
        if length > self.end - self.position:
            raise Lost(f"{length} bytes at byte {self.position} reach beyond the end of the file")
        self.position += length

    def element(self, *, implicit: bool, big: bool) -> tuple[int, bytes, int]:
        """Tag, VR (empty when implicit) and declared length of the next element; the position is at its value.

        Raises:
            Lost: there is none, the VR is none, or there were too many elements.
        """
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise Lost(f"more than {_MOST_ELEMENTS} elements")
        position = self.position
        low = position - self._start
        if low < 0 or low + 12 > len(self._buffer):
            self.at(position, 12)  # fills the buffer from there
            low = 0
        buffer = self._buffer
        if low + 8 > len(buffer):
            raise Lost(f"8 bytes at byte {position} reach beyond the end of the file")
        self.position += 8
        group, element, vr, length = (_BIG if big else _LITTLE).unpack_from(buffer, low)
        tag = group << 16 | element
        if implicit or group == 0xFFFE:
            return tag, b"", (_BIG_LONG if big else _LITTLE_LONG).unpack_from(buffer, low + 4)[0]
        if vr not in _LONG_FORM:
            if vr not in VRS:
                raise Lost(f"({group:04X},{element:04X}) at byte {position} has no value representation")
            return tag, vr, length
        if low + 12 > len(buffer):
            raise Lost(f"4 bytes at byte {position + 8} reach beyond the end of the file")
        self.position += 4
        return tag, vr, (_BIG_LONG if big else _LITTLE_LONG).unpack_from(buffer, low + 8)[0]

    def stray_delimiter(self, tag: int, length: int) -> bool:
        """Whether this is the end of something that did not begin: some writers close what had a defined length.

        Raises:
            Lost: it is an item, or a delimiter with content, where neither can be.
        """
        if tag >> 16 == 0xFFFE and (tag == _ITEM or length):
            raise Lost(f"an item at byte {self.position - 8}, outside of any sequence")
        return tag >> 16 == 0xFFFE

    def skip_items(self, depth: int = 1, *, implicit: bool, big: bool) -> None:
        """Pass over the items of a sequence of undefined length (PS3.5 7.5), or over fragments (A.4).

        Raises:
            Lost: no item where one is due, or nested too deep.
        """
        if depth > _DEEPEST:
            raise Lost(f"sequences nested more than {_DEEPEST} deep at byte {self.position}")
        while True:
            tag, _, length = self.element(implicit=True, big=big)
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM:
                raise Lost(f"no item where one is due, at byte {self.position - 8}")
            if length != UNDEFINED:
                self.skip(length)
                continue
            while True:
                tag, vr, length = self.element(implicit=implicit, big=big)
                if tag == _ITEM_END:
                    break
                if length == UNDEFINED:
                    self.skip_items(depth + 1, implicit=implicit or vr == b"UN", big=big)
                else:
                    self.skip(length)
