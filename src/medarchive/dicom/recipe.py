"""Recipe: how the bytes of native pixel data become an image that a codec takes, and the identical bytes again.

The image holds stored values wherever the bits above them say nothing (all zero, or the sign repeated). Where they say
something, overlays of old or mere noise, the image holds whole allocated words, and nothing is lost either.
See docs/format.md, "Instance".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import numpy as np

from medarchive.codecs.spec import ImageSpec
from medarchive.image import Image, Pixels

__all__ = ["Fill", "Layout", "Reason", "Recipe", "Verbatim", "extended"]

Layout = Literal["interleaved", "planar", "ybr422"]
"""How samples lie in a frame: PlanarConfiguration 0 or 1, or native YBR_FULL_422 (PS3.3 C.7.6.3.1.2)."""

Fill = Literal["zero", "sign", "word"]
"""What the bits above the stored ones hold: zeros, the sign, or anything (then the image holds whole words)."""


class Reason(StrEnum):
    """Why an object is kept verbatim. A test pins which objects have which."""

    NONE = "no pixel data"
    ENCAPSULATED = "pixel data is encapsulated, so compressed already"
    DEFLATED = "the data set is deflated"
    FLOAT = "pixel data is floating point"
    SHORT = "pixel data is shorter than one frame"
    LARGE = "a frame, or what surrounds the pixel data, is larger than what is taken apart"
    GEOMETRY = "the header does not describe the pixel data in a way that can be followed"
    STRUCTURE = "the element structure cannot be followed"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """An object that is not split, and why."""

    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        """Reason and detail in one line."""
        return f"{self.reason} ({self.detail})" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Native pixel data, described well enough to turn it into an image and back.

    Attributes:
        frames: whole frames that are there.
        rows: 1 to 65535.
        columns: 1 to 65535.
        samples: per pixel, 1 to 4.
        allocated: bits of a word: 1, 8, 16 or 32.
        stored: bits of a word that hold the value, 1 to ``allocated``.
        high: the highest of them, counted from 0.
        signed: whether stored values are two's complement.
        big_endian: the byte order of words; for 8-bit words, whether bytes are swapped in pairs (OW, PS3.5 8.1.1).
        layout: how the samples of a frame lie.
        fill: what the bits above the stored ones hold.
    """

    frames: int
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    big_endian: bool
    layout: Layout
    fill: Fill

    @property
    def frame_bits(self) -> int:
        """Bits of one frame as it lies in the file."""
        samples = 2 if self.layout == "ybr422" else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def swapped(self) -> bool:
        """Whether bytes are the halves of big endian words, and so in turned pairs."""
        return self.allocated == 8 and self.big_endian

    @property
    def unit_bits(self) -> int:
        """Bits that are read and written at once: frames may begin and end within such a unit."""
        return 16 if self.swapped else 8

    @property
    def body_bytes(self) -> int:
        """Whole units that the frames fill, in bytes; a last one of which they fill a part belongs to the tail."""
        return self.frames * self.frame_bits // self.unit_bits * self.unit_bits // 8

    @property
    def spec(self) -> ImageSpec:
        """What the frames are as an image."""
        wide = self.layout == "ybr422"
        shape = (self.rows, self.columns * (2 if wide else 1), 1 if wide else self.samples)
        word = self.fill == "word"
        dtype = self._native_dtype(signed=self.signed and not word)
        bits = self.allocated if word or self.allocated == 1 else self.stored
        return ImageSpec(self.frames, *shape, bits, dtype, array_dtype=dtype)

    def span(self, first: int, last: int) -> tuple[int, int, int]:
        """Where the frames from ``first`` up to ``last`` lie: first byte, number of bytes, bits to pass over."""
        start, end = first * self.frame_bits, last * self.frame_bits
        low, high = start // self.unit_bits, -(-end // self.unit_bits)
        return low * self.unit_bits // 8, (high - low) * self.unit_bits // 8, start % self.unit_bits

    def image(self, data: bytes, skip_bits: int = 0, frames: int = 1) -> Image:
        """The image of some frames.

        Args:
            data: bytes from the unit in which the first of them begins.
            skip_bits: bits of it that belong to the frame before.
            frames: how many.
        """
        if self.allocated == 1:
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            return Image(self._arranged(bits[skip_bits : skip_bits + frames * self.frame_bits], frames), 1)
        words = np.frombuffer(data, self._file_dtype)
        if self.swapped:
            words = words.reshape(-1, 2)[:, ::-1].reshape(-1)
        skip = skip_bits // self.allocated
        words = words[skip : skip + frames * self.frame_bits // self.allocated]
        words = words.astype(self._native_dtype(signed=False), copy=False)
        if self.fill == "word":
            return Image(self._arranged(words, frames), self.allocated)
        values = extended(words, self.stored) if self.signed else words
        return Image(self._arranged(values, frames), self.stored)

    def data(self, images: Iterable[Image]) -> Iterator[bytes | memoryview]:
        """The bytes of all frames in order, ``body_bytes`` together; the images' own where they lie as in the file."""
        unit = self.unit_bits // self.allocated if self.allocated == 1 or self.swapped else 1
        left = np.zeros(0, np.uint8)
        for image in images:
            words = self._flattened(image.pixels).view(self._native_dtype(signed=False))
            if self.fill == "zero" and self.signed and self.stored < self.allocated:
                words = words & words.dtype.type((1 << self.stored) - 1)
            if unit > 1:  # a unit that two frames share waits for the second of them
                words = np.concatenate([left, words])
                whole = len(words) // unit * unit
                words, left = words[:whole], words[whole:]
            yield self._packed(words)

    def little(self, image: Image) -> bytes:
        """One frame, as ``image`` gave it, as it lies in a little endian file, from the first bit of a byte on."""
        plain = replace(self, frames=1, big_endian=False)
        if self.allocated == 1:
            return bytes(plain._packed(plain._flattened(image.pixels)))  # noqa: SLF001  # of the same class
        return b"".join(plain.data([image]))

    def _packed(self, words: Pixels) -> bytes | memoryview:
        if self.allocated == 1:
            return np.packbits(words, bitorder="little").tobytes()
        if self.swapped:
            words = words.reshape(-1, 2)[:, ::-1]
        return np.ascontiguousarray(words, self._file_dtype).reshape(-1).view(np.uint8).data

    def values(self, image: Image) -> Image:
        """The stored values of an image that this recipe made: shape (frames, rows, columns, samples)."""
        pixels = image.pixels
        if self.layout == "ybr422":
            luma, chroma = pixels[:, :, : self.columns], pixels[:, :, self.columns :]
            blue, red = np.split(chroma, 2, axis=2)
            doubled = [np.repeat(plane, 2, axis=2) for plane in (blue, red)]
            return Image(np.concatenate([luma, *doubled], axis=3), image.bits)
        if self.fill != "word" or (self.stored == self.allocated and not self.signed):
            return image
        low = self.high + 1 - self.stored
        whole = pixels.view(self._native_dtype(signed=False))
        words = whole >> whole.dtype.type(low) & whole.dtype.type((1 << self.stored) - 1)
        return Image(extended(words, self.stored) if self.signed else words, self.stored)

    def fits(self, data: bytes) -> frozenset[Fill]:
        """Which fills, "zero" and "sign", these words of the file allow."""
        words = np.frombuffer(data, self._file_dtype)
        above = words >> words.dtype.type(self.stored)
        ones = words.dtype.type((1 << self.allocated - self.stored) - 1)
        sign = words >> words.dtype.type(self.stored - 1) & words.dtype.type(1)
        allowed: set[Fill] = set() if above.any() else {"zero"}
        if self.signed and np.array_equal(above, sign * ones):
            allowed.add("sign")
        return frozenset(allowed)

    @property
    def _file_dtype(self) -> np.dtype[np.unsignedinteger]:
        return np.dtype(f"{'>' if self.big_endian else '<'}u{self.allocated // 8}")

    def _native_dtype(self, *, signed: bool) -> np.dtype[np.integer]:
        return np.dtype(f"{'i' if signed else 'u'}{max(self.allocated // 8, 1)}")

    def _arranged(self, flat: Pixels, frames: int) -> Pixels:
        """Words in the file's order as (frames, rows, columns, samples)."""
        if self.layout == "planar":
            return np.moveaxis(flat.reshape(frames, self.samples, self.rows, self.columns), 1, 3)
        if self.layout == "ybr422":
            # Each two pixels are Y Y Cb Cr: as one plane, luma on the left, blue and red chroma halves beside it.
            quads = flat.reshape(frames, self.rows, self.columns // 2, 4)
            luma = quads[..., :2].reshape(frames, self.rows, self.columns)
            return np.concatenate([luma, quads[..., 2], quads[..., 3]], axis=2)[..., np.newaxis]
        return flat.reshape(frames, self.rows, self.columns, self.samples)

    def _flattened(self, pixels: Pixels) -> Pixels:
        """The inverse of ``_arranged``, contiguous."""
        if self.layout == "planar":
            pixels = np.moveaxis(pixels, 3, 1)
        elif self.layout == "ybr422":
            frames, half = len(pixels), self.columns // 2
            plane = pixels[..., 0]
            luma = plane[:, :, : self.columns].reshape(frames, self.rows, half, 2)
            chroma = np.stack([plane[:, :, self.columns : -half], plane[:, :, -half:]], axis=-1)
            pixels = np.concatenate([luma, chroma], axis=-1)
        return np.ascontiguousarray(pixels).reshape(-1)


def extended(words: Pixels, stored: int) -> Pixels:
    """Unsigned words whose low bits are two's complement, as signed numbers."""
    width = 8 * words.dtype.itemsize
    shift = words.dtype.type(width - stored)
    signed = (words << shift).view(f"i{words.dtype.itemsize}")
    extended: Pixels = signed >> signed.dtype.type(width - stored)
    return extended
