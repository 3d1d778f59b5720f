"""ImageSpec: what one entry of a container decodes to."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from medarchive.codecs.limits import MAX_FRAMES, MAX_SAMPLES, MAX_SIDE, checked_shape
from medarchive.codecs.wire import Reader, varint
from medarchive.errors import CorruptStream, UnsupportedImage
from medarchive.image import Image

__all__ = ["DTYPES", "ImageSpec"]

DTYPES = tuple(np.dtype(name) for name in ("u1", "u2", "u4", "i1", "i2", "i4", "?", "u8", "i8"))
"""Codes of dtypes. The first six are those of an Image; the others may only be what a caller handed in."""
_IMAGE_DTYPES = 6
_BIG_ENDIAN = 16
"""Added to the code of a caller's dtype that is big endian."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """Shape, dtype and bits of an Image, and the form in which the caller had it.

    Attributes:
        frames: how many.
        rows: of each.
        columns: of each.
        samples: per pixel.
        bits: significant bits.
        dtype: of the Image.
        rank: axes of the caller's array: 2 (rows, columns), 3 (frames, rows, columns), 4 (…, samples).
        array_dtype: of the caller's array.
    """

    frames: int
    rows: int
    columns: int
    samples: int
    bits: int
    dtype: np.dtype[np.integer]
    rank: int = 4
    array_dtype: np.dtype[np.generic] = DTYPES[0]

    @classmethod
    def of(cls, image: Image, frames: int, *, rank: int = 4, array_dtype: np.dtype[np.generic] | None = None) -> Self:
        """The spec of ``frames`` frames like those of an image.

        Raises:
            UnsupportedImage: the image is larger than what a decoder makes.
        """
        _, rows, columns, samples = image.pixels.shape
        if max(rows, columns) > MAX_SIDE or rows * columns * samples > MAX_SAMPLES or frames > MAX_FRAMES:
            raise UnsupportedImage(f"{frames} frames of {rows} x {columns} x {samples} are more than a container holds")
        dtype = image.pixels.dtype
        return cls(frames, rows, columns, samples, image.bits, dtype, rank, array_dtype or dtype)

    @property
    def signed(self) -> bool:
        """Whether the pixels are signed."""
        return self.dtype.kind == "i"

    @property
    def nbytes(self) -> int:
        """Bytes of the caller's array."""
        return self.frames * self.rows * self.columns * self.samples * self.array_dtype.itemsize

    def packed(self) -> bytes:
        """The form of docs/format.md, "Entry"."""
        numbers = (self.frames, self.rows, self.columns, self.samples, self.bits)
        array_code = DTYPES.index(self.array_dtype.newbyteorder("="))
        array_code += _BIG_ENDIAN * (self.array_dtype.str[0] == ">")
        codes = (DTYPES.index(self.dtype), self.rank, array_code)
        return b"".join(map(varint, (*numbers, *codes)))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read what ``packed`` wrote.

        Raises:
            CorruptStream: it makes no sense.
            LimitExceeded: it is beyond the decoder's limits.
        """
        frames, rows, columns, samples, bits = (reader.varint(1 << 62) for _ in range(5))
        dtype, rank, code = reader.varint(_IMAGE_DTYPES - 1), reader.varint(4), reader.varint(2 * _BIG_ENDIAN - 1)
        big, array = divmod(code, _BIG_ENDIAN)
        checked_shape(frames, rows, columns, samples)
        flat = (rank == 2 and frames == samples == 1) or (rank == 3 and samples == 1) or rank == 4
        if not (flat and array < len(DTYPES) and 1 <= bits <= 8 * DTYPES[dtype].itemsize):
            raise CorruptStream(f"an entry of {bits} bits in {DTYPES[dtype]}, {rank} axes, makes no sense")
        if not _holds(DTYPES[array], bits, signed=DTYPES[dtype].kind == "i"):
            raise CorruptStream(f"an array of {DTYPES[array]} does not hold {bits} bits of {DTYPES[dtype]}")
        return cls(
            frames, rows, columns, samples, bits, DTYPES[dtype], rank, DTYPES[array].newbyteorder(">" if big else "=")
        )

    def fits(self, image: Image, frames: int) -> bool:
        """Whether an image is of this spec and has so many frames."""
        shape = (frames, self.rows, self.columns, self.samples)
        return image.pixels.shape == shape and image.pixels.dtype == self.dtype and image.bits == self.bits


def _holds(array: np.dtype[np.generic], bits: int, *, signed: bool) -> bool:
    """Whether a caller's dtype is one that such values may have come from."""
    if array.kind == "b":
        return bits == 1 and not signed
    return (array.kind == "i") == signed and bits <= 8 * array.itemsize
