"""Coefficients: images as the autoencoder's entropy network meets them, quantised at random rates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import context, steps
from medarchive.codecs.autoencoder.context import COUNTS, PASSES, Canvas
from medarchive.codecs.autoencoder.wavelet import FRACTION, Bands, analysed
from medarchive.errors import NotFound
from medarchive.training.samples import volumes

__all__ = ["Sites", "crops", "frames", "gathered", "quantised"]

_RARE = 16
"""Of sites in an empty neighbourhood that are 0 themselves, one in so many is kept, and counts for all."""
_LEAST_BITS = 0.03


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


def frames(folder: Path, split: str) -> list[list[NDArray[np.int64]]]:
    """For each series of a split its frames of one sample.

    Raises:
        NotFound: there are none.
    """
    found = [[frame.astype(np.int64) for frame in volume.frames] for volume in volumes(folder, split)]
    if not found:
        raise NotFound(f"no images for {split} below {folder}")
    return found


def crops(
    series: Sequence[Sequence[NDArray[np.int64]]], random: np.random.Generator, side: int
) -> Iterator[NDArray[np.int64]]:
    """Endless parts of frames, every series as often as any other; turned, mirrored, some of them halved in size."""
    while True:
        frame = _any(_any(series, random), random)
        if random.random() < 0.15 and min(frame.shape) >= 2 * side:
            rows, columns = (length // 2 * 2 for length in frame.shape)
            even = frame[:rows, :columns]
            frame = (even[0::2, 0::2] + even[0::2, 1::2] + even[1::2, 0::2] + even[1::2, 1::2] + 2) >> 2
        top, left = (int(random.integers(0, max(0, length - side) + 1)) for length in frame.shape)
        part = frame[top : top + side, left : left + side]
        if random.random() < 0.5:
            part = part.T
        part = part[:: random.choice([1, -1]), :: random.choice([1, -1])]
        if part.max() > part.min():
            yield np.ascontiguousarray(part)


def _any(of, random):  # type: ignore[no-untyped-def]
    return of[int(random.integers(len(of)))]


def quantised(bands: Bands, step: int, dead: float) -> list[list[NDArray[np.int64]]]:
    """Coefficients in steps, rounded down from ``1 - dead`` on."""
    found = []
    for level, detail in enumerate(bands.details):
        row = []
        for band, coefficients in enumerate(detail):
            size = steps.of_band(step, level, band)
            row.append(np.sign(coefficients) * np.floor(np.abs(coefficients) / size + dead).astype(np.int64))
        found.append(row)
    return found


def gathered(levels: Sequence[Sequence[NDArray[np.int64]]], pixels: int, random: np.random.Generator) -> list[Sites]:
    """The sites of an image, for each band and pass in turn; their weights are such that an image counts 1."""
    activities = np.array([[context.activity(band) for band in level] for level in levels]).reshape(-1, 3)
    canvases = []
    for level in levels:
        canvases.append(Canvas.empty(level[0].shape[0], level[1].shape[1]))
        for number, band in enumerate(level):
            canvases[-1].put(number, band)
    bits = max(_LEAST_BITS * pixels, sum(_entropy(band) for level in levels for band in level))
    parts: list[list[Sites]] = [[] for _ in COUNTS]
    for (level, bands), band in product(enumerate(levels), range(3)):
        if not activities[level, band]:
            continue
        shared = context.constants(activities, level, band)
        for number in range(4):
            seen = _known(canvases[level], band, number)
            parent = canvases[level + 1] if level + 1 < len(levels) else None
            shape = bands[band].shape
            if 0 in context.sites(shape, number):
                continue
            found = context.features(seen, parent, shape, band, number, shared)
            row, column = PASSES[number]
            values = bands[band][row::2, column::2].reshape(-1)
            empty = ~found[: -context.CONSTANTS].any(axis=0) & (values == 0)
            weight = np.where(empty, _RARE, 1) / bits
            kept = ~empty | (random.random(values.size) < 1 / _RARE)
            parts[band * 4 + number].append(
                Sites(
                    found[:, kept].T.astype(np.int16), values[kept].astype(np.int32), weight[kept].astype(np.float32)
                )
            )
    none = [
        Sites(np.zeros((0, count), np.int16), np.zeros(0, np.int32), np.zeros(0, np.float32)) for count in COUNTS
    ]
    return [Sites.joined([empty, *found]) for empty, found in zip(none, parts, strict=True)]


def _known(canvas: Canvas, band: int, number: int) -> Canvas:
    """A canvas with what is known of a band before a pass."""
    signed = canvas.signed.copy()
    known = np.zeros_like(signed[band])
    for row, column in PASSES[:number]:
        part = np.s_[context.MARGIN + row :: 2, context.MARGIN + column :: 2]
        known[part] = signed[band][part]
    signed[band] = known
    return Canvas(signed)


def _entropy(band: NDArray[np.int64]) -> float:
    """Bits of a band were its values independent."""
    counts = np.unique(band, return_counts=True)[1] if band.size else np.ones(1)
    return float(-(counts * np.log2(counts / counts.sum())).sum())


def rounded_step(frame: NDArray[np.int64], bands: Bands, random: np.random.Generator) -> int:
    """A random step's number, from fine to coarse as the image's noise is."""
    del frame
    noise = np.abs(bands.details[0][2]).mean() / (1 << FRACTION) * 1.2 + 0.25
    return steps.nearest(noise * 2 ** random.uniform(-1.0, 6.0))
