"""Colours: how pixels become the planes that are coded, and planes pixels again.

Samples are a plane each; their values are numbered together, or by themselves where they differ much. Where an
image has few colours, as drawings and most ultrasound have, its colours, in order of their first sample, then of the
others, are numbered and are one plane.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.frames import packed, unpacked
from medarchive.codecs.predictive.packing import Packing
from medarchive.codecs.predictive.planes import Ints
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream

__all__ = ["Colours", "Palette", "Samples", "read", "ways"]

_TOGETHER, _EACH, _PALETTE = 0, 1, 2
_MOST_COLOURS = 1 << 16
_WORTH_A_TRY = 4096
"""The most colours with which an encoder tries a palette."""
_MOST_SAMPLES = 3
"""Of a palette's colours."""
_MOST_TABLE = 1 << 20

Pixels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Samples:
    """A plane for each sample.

    Attributes:
        packings: one for all samples, or one for each.
        count: of samples.
    """

    packings: tuple[Packing, ...]
    count: int

    @property
    def highest(self) -> list[int]:
        """The largest value of each plane."""
        return [packing.highest for packing in self._each()]

    def planes(self, pixels: Pixels) -> Ints:
        """From (frames, rows, columns, samples) to (frames, planes, rows, columns)."""
        return np.stack([packing.coded(pixels[..., i]) for i, packing in enumerate(self._each())], axis=1)

    def pixels(self, planes: Ints) -> Ints:
        """The other way round."""
        return np.stack([packing.pixels(planes[:, i]) for i, packing in enumerate(self._each())], axis=3)

    def range(self) -> tuple[int, int]:
        """The smallest and the largest pixel that can come of it."""
        ends = [
            (packing.low, int(packing.pixels(np.array([packing.highest], np.int32))[0])) for packing in self.packings
        ]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def packed(self) -> bytes:
        """The form of docs/format.md."""
        how = [] if self.count == 1 else [_TOGETHER if len(self.packings) == 1 else _EACH]
        return bytes(how) + b"".join(packing.packed() for packing in self.packings)

    def _each(self) -> tuple[Packing, ...]:
        return self.packings * (self.count // len(self.packings))


@dataclass(frozen=True, slots=True)
class Palette:
    """One plane of the numbers of colours.

    Attributes:
        table: int32 of shape (colours, samples).
    """

    table: Ints

    @classmethod
    def of(cls, pixels: Pixels) -> Self | None:
        """The palette of some pixels; None where they have too many colours."""
        colours = np.unique(_numbers(pixels))
        if len(colours) > min(_WORTH_A_TRY, pixels.size // 16):
            return None
        samples = pixels.shape[3]
        table = np.stack([(colours >> 16 * (samples - 1 - i)) & 0xFFFF for i in range(samples)], axis=1)
        table = table.astype(np.uint16).astype(f"{'i' if pixels.dtype.kind == 'i' else 'u'}2").astype(np.int32)
        return cls(table)

    @property
    def highest(self) -> list[int]:
        """The largest value of each plane."""
        return [len(self.table) - 1]

    def planes(self, pixels: Pixels) -> Ints:
        """From (frames, rows, columns, samples) to (frames, planes, rows, columns)."""
        numbers = _numbers(self.table[np.newaxis, np.newaxis]).reshape(-1)
        order = np.argsort(numbers)
        found: Ints = order[np.searchsorted(numbers, _numbers(pixels), sorter=order)].astype(np.int32)
        return found[:, np.newaxis]

    def pixels(self, planes: Ints) -> Ints:
        """The other way round."""
        found: Ints = self.table[planes[:, 0]]
        return found

    def range(self) -> tuple[int, int]:
        """The smallest and the largest pixel that can come of it."""
        return int(self.table.min()), int(self.table.max())

    def packed(self) -> bytes:
        """The form of docs/format.md."""
        steps = np.diff(self.table.astype("<i4"), axis=0, prepend=np.int32(0)).T.tobytes()
        return bytes([_PALETTE]) + varint(len(self.table)) + blob(packed(steps))

    @classmethod
    def read(cls, reader: Reader, samples: int) -> Self:
        """See ``read``."""
        count = reader.varint(_MOST_COLOURS)
        if count == 0 or samples > _MOST_SAMPLES:
            raise CorruptStream(f"a palette of {count} colours of {samples} samples")
        steps = unpacked(reader.blob(_MOST_TABLE), 4 * samples * count, "a palette")
        return cls(np.cumsum(np.frombuffer(steps, "<i4").reshape(samples, count).T, axis=0, dtype=np.int32))


Colours = Samples | Palette


def ways(pixels: Pixels) -> list[Colours]:
    """What may suit these pixels of at most 16 bits; several where only coding them can tell."""
    samples = pixels.shape[3]
    together = Packing.of(pixels)
    if samples == 1:
        return [Samples((together,), 1)]
    each = tuple(Packing.of(pixels[..., i]) for i in range(samples))
    differ = min(packing.highest for packing in each) < together.highest // 2
    found: list[Colours] = [Samples(each if differ else (together,), samples)]
    if samples <= _MOST_SAMPLES and (palette := Palette.of(pixels)):
        found.append(palette)
    return found


def read(reader: Reader, samples: int) -> Colours:
    """What lies at the beginning of what is left.

    Raises:
        CorruptStream: it is none.
    """
    how = _TOGETHER if samples == 1 else reader.varint(_PALETTE)
    if how == _PALETTE:
        return Palette.read(reader, samples)
    return Samples(tuple(Packing.read(reader) for _ in range(samples if how == _EACH else 1)), samples)


def _numbers(pixels: Pixels) -> NDArray[np.int64]:
    """A number for each pixel, from up to three samples of 16 bits."""
    found = np.zeros(pixels.shape[:3], np.int64)
    for i in range(pixels.shape[3]):
        found = found << 16 | (pixels[..., i].astype(np.int64) & 0xFFFF)
    return found
