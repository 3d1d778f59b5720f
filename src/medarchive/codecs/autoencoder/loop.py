"""Loop: a plane's coefficients by a learned transform, level by level.

A level's details are expected from its low band, and what a decoder has of that band is what came of the coarser
levels: so an encoder quantises from the coarsest level to the finest, and each level's error stays its own.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, steps, wavelet
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.pyramid import Pyramid

__all__ = ["analysed", "left", "synthesised"]

Longs = NDArray[np.int64]
Exact = Pyramid[np.int64]


def analysed(plane: Longs, transform: Learned, step: int) -> Exact:
    """The coefficients of a plane, all in 1/64 of a stored unit, with details expected from exact low bands."""
    exact = Pyramid.joined((plane.shape[0], plane.shape[1]), wavelet.analysed(plane))
    low = plane
    for level, sizes in enumerate(_joints(exact)):
        low, _ = wavelet.split(low)
        for band, likely in zip(exact.levels[level], transform.expected(low, sizes, level, step), strict=True):
            np.subtract(band, likely, out=band)
    return exact


def synthesised(coefficients: Exact, transform: Learned, step: int) -> Longs:
    """The plane of coefficients, in 1/64 of a stored unit."""
    low = coefficients.low
    for level, sizes in reversed(list(enumerate(_joints(coefficients)))):
        expected = transform.expected(low, sizes, level, step)
        low = transform.joined(low, coefficients.levels[level], expected, level, step)
    return low


def left(
    exact: Exact,
    quantised: Pyramid[np.int32],
    transform: Learned,
    step: int,
    inward: Sequence[int],
    choice: Callable[[Exact, int], None],
) -> Exact:
    """Quantise level by level; what there was to quantise: a plane's details less what a decoder will expect of them.

    Args:
        exact: coefficients of the 9/7 transform.
        quantised: has the low band that a decoder will have; details are written.
        transform: the learned transform.
        step: number of the image's step.
        inward: points at which a decoder will put coefficients back, see ``points``.
        choice: quantises a level of coefficients.
    """
    found = Pyramid.of(exact.shape, exact.flat.copy())
    joints = _joints(exact)
    low = quantised.low.astype(np.int64) * steps.of_low(step, len(joints))
    for level in range(len(joints) - 1, -1, -1):
        expected = transform.expected(low, joints[level], level, step)
        for band, likely in zip(found.levels[level], expected, strict=True):
            np.subtract(band, likely, out=band)
        choice(found, level)
        if level:
            coded = points.of_level(quantised.levels[level], level, step, inward)
            low = transform.joined(low, coded, expected, level, step)
    return found


def _joints(pyramid: Exact) -> list[tuple[int, int]]:
    """Rows and columns that each level joins to, the finest first."""
    return list(wavelet.shapes(*pyramid.shape))[:-1]
