"""Points: where in its step a coefficient is put back, a little towards 0, where most of them were."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import steps
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import Details

__all__ = ["BITS", "COUNT", "found", "of_level", "restored"]

Quantised = Pyramid[np.int32]

COUNT = 6
"""For coefficients of size 1, and larger ones, on each of three kinds of level: the finest, the next, the coarser."""
BITS = 4
"""Of each; in 1/32 of a step."""


def found(pyramid: Quantised, exact: Pyramid[np.int64], step: int) -> list[int]:
    """The points that leave the smallest squared error, each from 0 to 15."""
    missed, count = np.zeros(COUNT), np.zeros(COUNT)
    for level, (values, detail) in enumerate(zip(pyramid.levels, exact.levels, strict=True)):
        for band, (quantised, was) in enumerate(zip(values, detail, strict=True)):
            sizes = np.abs(quantised)
            beyond = sizes - np.abs(was) / steps.of_band(step, level, band)
            for larger, which in enumerate((sizes == 1, sizes > 1)):
                missed[_index(level, larger)] += beyond[which].sum()
                count[_index(level, larger)] += np.count_nonzero(which)
    inward = np.clip(np.rint(32 * missed / np.maximum(count, 1)), 0, (1 << BITS) - 1)
    return [int(point) for point in inward]


def restored(pyramid: Quantised, step: int, points: Sequence[int]) -> Pyramid[np.int64]:
    """Coefficients in 1/64 of a stored unit."""
    whole = Pyramid.of(pyramid.shape, np.empty(pyramid.flat.size, np.int64))
    whole.low[...] = pyramid.low.astype(np.int64) * steps.of_low(step, len(pyramid.levels))
    for level, (values, to) in enumerate(zip(pyramid.levels, whole.levels, strict=True)):
        for each, band in zip(to, of_level(values, level, step, points), strict=True):
            each[...] = band
    return whole


def of_level(values: Sequence[NDArray[np.int32]], level: int, step: int, points: Sequence[int]) -> Details:
    """Those of the three bands of a level."""
    one, more = (points[_index(level, larger)] for larger in (0, 1))
    row = []
    for band, quantised in enumerate(values):
        sizes = np.abs(quantised.astype(np.int64))
        inward = np.where(sizes == 1, one, np.where(sizes, more, 0))
        size = (32 * sizes - inward) * steps.of_band(step, level, band) + 16 >> 5
        row.append(np.where(quantised < 0, -size, size))
    return row[0], row[1], row[2]


def _index(level: int, larger: int) -> int:
    return 2 * min(level, 2) + larger
