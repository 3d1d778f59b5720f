"""Coefficients: images as the autoencoder's entropy network meets them, quantised at random rates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import context, plane
from medarchive.codecs.autoencoder.backend import Quantiser
from medarchive.codecs.autoencoder.context import COUNTS, PASSES, Canvas
from medarchive.codecs.autoencoder.head import activities
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.errors import NotFound
from medarchive.training.samples import volumes

__all__ = ["Sites", "entropy", "frames", "parts", "sites", "some"]

Values = NDArray[np.int64]

_RARE = 16
"""Of sites in an empty neighbourhood that are 0 themselves, one in so many is kept, and counts for all."""
_LEAST_BITS = 0.03
"""Of a pixel: images at lower rates count less."""


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites of one band and pass.

    Attributes:
        seen: int16, (sites, features), in 1/16.
        values: int32, the quantised coefficients.
        weight: float32, what a bit of each counts.
    """

    seen: NDArray[np.int16]
    values: NDArray[np.int32]
    weight: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: "Sequence[Sites]") -> "Sites":
        """All sites of several."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def frames(folder: Path, split: str) -> list[list[Values]]:
    """For each series of a split its frames of one sample, from 0 on.

    Raises:
        NotFound: there are none.
    """
    found = [[frame.astype(np.int64) for frame in volume.frames] for volume in volumes(folder, split)]
    if not found:
        raise NotFound(f"no images for {split} below {folder}")
    return found


def parts(series: Sequence[Sequence[Values]], random: np.random.Generator, side: int) -> Iterator[Values]:
    """Endless parts of frames, every series as often as any other; turned, mirrored, some of them halved in size."""
    while True:
        chosen = series[int(random.integers(len(series)))]
        frame = chosen[int(random.integers(len(chosen)))]
        if random.random() < 0.15 and min(frame.shape) >= 2 * side:
            frame = _halved(frame)
        top, left = (int(random.integers(0, max(0, length - side) + 1)) for length in frame.shape)
        part = frame[top : top + side, left : left + side]
        if random.random() < 0.5:
            part = part.T
        part = part[:: random.choice([1, -1]), :: random.choice([1, -1])]
        if part.max() > part.min():
            yield np.ascontiguousarray(part)


def _halved(frame: Values) -> Values:
    rows, columns = (length // 2 * 2 for length in frame.shape)
    even = frame[:rows, :columns]
    return (even[0::2, 0::2] + even[0::2, 1::2] + even[1::2, 0::2] + even[1::2, 1::2] + 2) >> 2


def sites(part: Values, coder: Quantiser, quality: float, lifted: Learned | None = None) -> list[Sites]:
    """The sites of a plane quantised as the encoder would, for each band and pass in turn; together they count 1."""
    pyramid = plane.latents(part, plane.step_of(part, quality), coder, lifted=lifted)
    return gathered(pyramid, max(_LEAST_BITS * part.size, entropy(pyramid)))


def entropy(pyramid: Pyramid[np.int32]) -> float:
    """Bits of a plane were the coefficients of each band independent of each other."""
    total = 0.0
    for band in (band for level in pyramid.levels for band in level if band.size):
        counts = np.unique(band, return_counts=True)[1]
        total -= float((counts * np.log2(counts / counts.sum())).sum())
    return total


def gathered(pyramid: Pyramid[np.int32], bits: float) -> list[Sites]:
    """The sites of a pyramid; the weight of each is 1 / bits."""
    found, known = [[_none(count)] for count in COUNTS], activities(pyramid)
    canvases = []
    for row_of_bands in pyramid.levels:
        canvases.append(Canvas.empty(row_of_bands[0].shape[0], row_of_bands[1].shape[1]))
        for number, values in enumerate(row_of_bands):
            canvases[-1].put(number, values)
    random = np.random.default_rng(int(np.abs(pyramid.flat).sum()))
    for (level, bands), band in product(enumerate(pyramid.levels), range(3)):
        if not known[level, band]:
            continue
        shared = context.constants(known, level, band)
        parent = canvases[level + 1] if level + 1 < len(canvases) else None
        for number, (row, column) in enumerate(PASSES):
            if 0 in context.sites(bands[band].shape, number):
                continue
            canvas = _as_known(canvases[level], band, number)
            seen = context.features(canvas, parent, bands[band].shape, band, number, shared)
            values = bands[band][row::2, column::2].reshape(-1)
            empty = ~seen[: -context.CONSTANTS].any(axis=0) & (values == 0)
            kept = ~empty | (random.random(values.size) < 1 / _RARE)
            weight = np.where(empty, _RARE, 1)[kept] / bits
            found[band * 4 + number].append(
                Sites(seen[:, kept].T.astype(np.int16), values[kept], weight.astype(np.float32))
            )
    return [Sites.joined(each) for each in found]


def _none(count: int) -> Sites:
    return Sites(np.zeros((0, count), np.int16), np.zeros(0, np.int32), np.zeros(0, np.float32))


def _as_known(canvas: Canvas, band: int, number: int) -> Canvas:
    """A canvas with what is known of a band before a pass."""
    signed = canvas.signed.copy()
    known = np.zeros_like(signed[band])
    for row, column in PASSES[:number]:
        part = np.s_[context.MARGIN + row :: 2, context.MARGIN + column :: 2]
        known[part] = signed[band][part]
    signed[band] = known
    return Canvas(signed)


def some(given: Sites, most: int, random: np.random.Generator) -> Sites:
    """At most so many of some sites, which stand for all of them."""
    count = len(given.values)
    if count <= most:
        return given
    chosen = random.choice(count, most, replace=False)
    weight = given.weight[chosen] * np.float32(count / most)
    return Sites(given.seen[chosen], given.values[chosen], weight)
