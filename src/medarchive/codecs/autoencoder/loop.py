"""Loop: a plane's coefficients by a learned transform, level by level.

A level's details are expected from its low band, and what a decoder has of that band is what came of the coarser
levels: so an encoder quantises from the coarsest level to the finest, and each level's error stays its own. Levels
refine where that brings them closer to the exact plane, which the encoder sees, and says.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, steps, wavelet
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.lifting_model import LEVELS
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import Details

__all__ = ["ALL_REFINE", "Loop", "analysed", "synthesised"]

Longs = NDArray[np.int64]
Exact = Pyramid[np.int64]

ALL_REFINE = (1 << LEVELS) - 1
"""A bit for each level with networks, the finest level's the lowest."""


def analysed(plane: Longs, transform: Learned, step: int) -> Exact:
    """The coefficients of a plane, all in 1/64 of a stored unit, with details expected from exact low bands."""
    exact = Pyramid.joined((plane.shape[0], plane.shape[1]), wavelet.analysed(plane))
    low = plane
    for level, sizes in enumerate(_joints(exact)):
        low, _ = wavelet.split(low)
        for band, likely in zip(exact.levels[level], transform.whole.expected(low, sizes, level, step), strict=True):
            np.subtract(band, likely, out=band)
    return exact


def synthesised(coefficients: Exact, transform: Learned, step: int, refining: int) -> Longs:
    """The plane of coefficients, in 1/64 of a stored unit, with the levels of some bits refined."""
    low = coefficients.low
    for level, sizes in reversed(list(enumerate(_joints(coefficients)))):
        expected = transform.whole.expected(low, sizes, level, step)
        levels = transform.whole if refining >> level & 1 else transform.predicting
        low = levels.joined(low, coefficients.levels[level], expected, level, step)
    return low


class Loop:
    """Walks of an encoder over one plane."""

    def __init__(self, exact: Exact, transform: Learned, step: int) -> None:
        """Begin.

        Args:
            exact: coefficients of the 9/7 transform.
            transform: the learned transform.
            step: number of the image's step.
        """
        self._exact, self._transform, self._step = exact, transform, step
        self._joints = _joints(exact)
        self._aims: dict[int, Longs] = {}
        low = exact.low
        for level in range(len(self._joints) - 1, -1, -1):
            details = exact.levels[level]
            low = transform.predicting.joined(low, details, _nothing(details), level, step)
            self._aims[level] = low

    def walk(
        self,
        quantised: Pyramid[np.int32],
        inward: Sequence[int],
        choice: Callable[[Exact, int], None],
        *,
        refine: bool = True,
    ) -> tuple[Exact, int]:
        """Quantise level by level.

        Args:
            quantised: has the low band that a decoder will have; details are written.
            inward: points at which a decoder will put coefficients back, see ``points``.
            choice: quantises a level of coefficients.
            refine: whether levels may.

        Returns:
            What there was to quantise, a plane's details less what a decoder will expect of them; and the bits of the
            levels that shall refine.
        """
        found = Pyramid.of(self._exact.shape, self._exact.flat.copy())
        low = quantised.low.astype(np.int64) * steps.of_low(self._step, len(self._joints))
        refining = 0
        for level in range(len(self._joints) - 1, -1, -1):
            expected = self._transform.whole.expected(low, self._joints[level], level, self._step)
            for band, likely in zip(found.levels[level], expected, strict=True):
                np.subtract(band, likely, out=band)
            choice(found, level)
            coded = points.of_level(quantised.levels[level], level, self._step, inward)
            low, refines = self._joined(low, coded, expected, level, refine=refine and level < LEVELS)
            refining |= refines << level
        return found, refining

    def _joined(self, low: Longs, coded: Details, expected: Details, level: int, *, refine: bool) -> tuple[Longs, bool]:
        """What comes closest to the exact plane, and whether it is refined."""
        plain = self._transform.predicting.joined(low, coded, expected, level, self._step)
        if not refine:
            return plain, False
        refined = self._transform.whole.joined(low, coded, expected, level, self._step)
        missed, left = (_missed(one, self._aims[level]) for one in (plain, refined))
        return (refined, True) if left < missed else (plain, False)


def _missed(found: Longs, aim: Longs) -> float:
    return float(np.square(found - aim, dtype=np.float64).sum())


def _nothing(details: Details) -> Details:
    beside, below, corner = (np.zeros_like(band) for band in details)
    return beside, below, corner


def _joints(pyramid: Exact) -> list[tuple[int, int]]:
    """Rows and columns that each level joins to, the finest first."""
    return list(wavelet.shapes(*pyramid.shape))[:-1]
