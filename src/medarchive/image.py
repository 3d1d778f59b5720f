"""Image: what a codec takes and gives. Pixels, how many of their bits mean something, and nothing else."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from medarchive.errors import UnsupportedImage

__all__ = ["Image", "Pixels"]

Pixels = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Integer pixels of one or more frames. A single frame is ``image[i:i+1]``.

    Attributes:
        pixels: shape (frames, rows, columns, samples), each at least 1; dtype uint8, uint16, uint32, int8, int16 or
            int32 in the machine's byte order.
        bits: significant bits, 1 to 32. Every value lies in [0, 2^bits) when the dtype is unsigned and in
            [-2^(bits-1), 2^(bits-1)) when it is signed; ``check_range`` looks.
    """

    pixels: Pixels
    bits: int

    def __post_init__(self) -> None:
        """Refuse what is no image.

        Raises:
            UnsupportedImage: wrong rank, dtype, empty axis, or bits that the dtype does not hold.
        """
        pixels = self.pixels
        if pixels.ndim != 4 or 0 in pixels.shape:
            raise UnsupportedImage(f"an image has shape (frames, rows, columns, samples), not {pixels.shape}")
        if pixels.dtype.kind not in "ui" or pixels.dtype.itemsize > 4 or not pixels.dtype.isnative:
            raise UnsupportedImage(f"an image holds native integers of 8, 16 or 32 bits, not {pixels.dtype}")
        if not 1 <= self.bits <= 8 * pixels.dtype.itemsize:
            raise UnsupportedImage(f"{self.bits} bits do not fit {pixels.dtype}")

    def __getitem__(self, frames: slice) -> Self:
        """The frames of a slice, without a copy."""
        return type(self)(self.pixels[frames], self.bits)

    def __len__(self) -> int:
        """The number of frames."""
        return int(self.pixels.shape[0])

    def __eq__(self, other: object) -> bool:
        """Whether shape, dtype, bits and every pixel agree."""
        if not isinstance(other, Image):
            return NotImplemented
        return (
            self.bits == other.bits
            and self.pixels.dtype == other.pixels.dtype
            and np.array_equal(self.pixels, other.pixels)
        )

    __hash__ = None  # type: ignore[assignment]  # pixels are mutable and large: an image is no dictionary key

    @property
    def signed(self) -> bool:
        """Whether the pixels are signed."""
        return self.pixels.dtype.kind == "i"

    def check_range(self) -> None:
        """Look at every pixel.

        Raises:
            UnsupportedImage: a value lies outside of what ``bits`` allows.
        """
        low, high = (-(1 << self.bits - 1), (1 << self.bits - 1) - 1) if self.signed else (0, (1 << self.bits) - 1)
        smallest, largest = int(self.pixels.min()), int(self.pixels.max())
        if smallest < low or largest > high:
            raise UnsupportedImage(f"values {smallest} to {largest} do not fit {self.bits} bits ({low} to {high})")
