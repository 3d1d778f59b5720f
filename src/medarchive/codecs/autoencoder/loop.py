"""Loop: coefficients of the learned transform, expected from the low bands that a decoder will have.

A level's details are expected from its low band, and that band is what was decoded of the coarser levels: so an
encoder quantises from the coarsest level to the finest, and each level's error stays its own.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, steps, wavelet
from medarchive.codecs.autoencoder.lifting import Lifting
from medarchive.codecs.autoencoder.pyramid import Pyramid

__all__ = ["restored", "walked"]

Longs = NDArray[np.int64]


def walked(
    exact: Pyramid[np.int64],
    pyramid: Pyramid[np.int32],
    lifting: Lifting,
    step: int,
    inward: Sequence[int],
    choice: Callable[[NDArray[np.float64]], NDArray[np.int32]] | None = None,
) -> Pyramid[np.int64]:
    """What is left of a plane's details after what is expected of them.

    Args:
        exact: coefficients of the 9/7 transform.
        pyramid: quantised coefficients; where there is a choice only its low band is, and its details are written.
        lifting: the transform.
        step: number of the image's step.
        inward: points at which coefficients will be put back, see ``points``.
        choice: quantises coefficients in steps.
    """
    left = Pyramid.of(exact.shape, exact.flat.copy())
    joints = list(wavelet.shapes(*exact.shape))
    low = pyramid.low.astype(np.int64) * steps.of_low(step, len(exact.levels))
    for level in range(len(exact.levels) - 1, -1, -1):
        expected = lifting.expected(low, joints[level], level, step)
        for band, (rest, likely) in enumerate(zip(left.levels[level], expected, strict=True)):
            np.subtract(rest, likely, out=rest)
            if choice:
                pyramid.levels[level][band][...] = choice(rest / steps.of_band(step, level, band))
        low = lifting.joined(low, points.of_level(pyramid.levels[level], level, step, inward), expected, level, step)
    return left


def restored(rest: Pyramid[np.int64], lifting: Lifting, step: int) -> Longs:
    """The plane that a decoder makes of coefficients, in 1/64 of a stored unit."""
    low = rest.low
    for level, sizes in reversed(list(enumerate(list(wavelet.shapes(*rest.shape))[:-1]))):
        expected = lifting.expected(low, sizes, level, step)
        low = lifting.joined(low, rest.levels[level], expected, level, step)
    return low
