"""Packing: the values that an image uses, numbered without gaps. Sparse histograms cost what they hold, not what
they span.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.frames import packed, unpacked
from medarchive.codecs.predictive.native import occurring
from medarchive.codecs.predictive.planes import Ints
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream

__all__ = ["MOST", "Packing"]

MOST = 65535
"""The largest value that is coded."""
_SPARSE = 0.75
_MOST_TABLE = 1 << 14
_MOST_LOW = 1 << 17
"""As docs/format.md has it: no pixel of 16 bits needs more."""
_PLAIN, _PACKED = 0, 1


@dataclass(frozen=True, slots=True)
class Packing:
    """From pixels to coded values and back.

    Attributes:
        low: the smallest pixel.
        highest: the largest coded value.
        used: which of the values from ``low`` on occur, where that is sent.
    """

    low: int
    highest: int
    used: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, pixels: NDArray[np.integer]) -> Self:
        """The packing that suits these pixels, of at most 16 bits."""
        low, span = int(pixels.min()), int(pixels.max()) - int(pixels.min())
        used = occurring(np.subtract(pixels, low, dtype=np.int32), span + 1)
        count = int(used.sum())
        gain = pixels.size * np.log2((span + 1) / count) / 8
        if count < _SPARSE * (span + 1) and len(_table(used)) < gain / 2:
            return cls(low, count - 1, used)
        return cls(low, span)

    def coded(self, pixels: NDArray[np.integer]) -> Ints:
        """The values to code, 0 to highest."""
        values: Ints = np.subtract(pixels, self.low, dtype=np.int32)
        if self.used is None:
            return values
        numbers = np.cumsum(self.used, dtype=np.int32) - 1
        coded: Ints = numbers[values]
        return coded

    def pixels(self, values: Ints) -> Ints:
        """The pixels that these values stand for."""
        if self.used is None:
            return values + self.low
        known: Ints = np.flatnonzero(self.used).astype(np.int32)
        return known[values] + self.low

    def packed(self) -> bytes:
        """The form of docs/format.md."""
        low = varint(2 * self.low if self.low >= 0 else -2 * self.low - 1)
        if self.used is None:
            return bytes([_PLAIN]) + low + varint(self.highest)
        return bytes([_PACKED]) + low + varint(len(self.used) - 1) + blob(_table(self.used))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The packing at the beginning of what is left.

        Raises:
            CorruptStream: it is none.
        """
        how = reader.varint(_PACKED)
        number = reader.varint(_MOST_LOW)
        low = number // 2 if number % 2 == 0 else -(number + 1) // 2
        span = reader.varint(MOST)
        if how == _PLAIN:
            return cls(low, span)
        size = (span + 8) // 8
        bits = unpacked(reader.blob(_MOST_TABLE), size, "a table of used values")
        used = np.unpackbits(np.frombuffer(bits, np.uint8), count=span + 1).astype(np.bool_)
        if not used.any():
            raise CorruptStream("a table without a single value")
        return cls(low, int(used.sum()) - 1, used)


def _table(used: NDArray[np.bool_]) -> bytes:
    return packed(np.packbits(used).tobytes())
