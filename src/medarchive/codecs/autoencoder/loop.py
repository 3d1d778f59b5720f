"""Loop: a plane's coefficients by a learned transform, level by level.

A level's details are expected from its low band, and what a decoder has of that band is what came of the coarser
levels: so an encoder quantises from the coarsest level to the finest, and each level's error stays its own. Levels
predict where that leaves less to code, and refine where that brings them closer to the exact plane: the encoder sees
it, and says so.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, steps, wavelet
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.lifting_model import LEVELS
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import Details

__all__ = ["ALL", "PREDICTING", "Loop", "analysed", "synthesised"]

Longs = NDArray[np.int64]
Exact = Pyramid[np.int64]

ALL = (1 << 2 * LEVELS) - 1
"""What levels do: a bit for each that refines, the finest level's the lowest, then a bit for each that predicts."""
PREDICTING = ALL >> LEVELS << LEVELS
_LARGE, _DOUBLED = 0.9, 0.2
"""What a coefficient costs, in squared steps: its square, if it becomes 0; else so much, and more for each doubling."""


def analysed(plane: Longs, transform: Learned, step: int) -> Exact:
    """The coefficients of a plane, all in 1/64 of a stored unit, with details expected from exact low bands."""
    exact = Pyramid.joined((plane.shape[0], plane.shape[1]), wavelet.analysed(plane))
    low = plane
    for level, sizes in enumerate(_joints(exact)):
        low, _ = wavelet.split(low)
        for band, likely in zip(exact.levels[level], transform.whole.expected(low, sizes, level, step), strict=True):
            np.subtract(band, likely, out=band)
    return exact


def synthesised(coefficients: Exact, transform: Learned, step: int, doing: int) -> Longs:
    """The plane of coefficients, in 1/64 of a stored unit; what levels do is said by the bits of ALL."""
    low = coefficients.low
    for level, sizes in reversed(list(enumerate(_joints(coefficients)))):
        refines, predicts = (level < LEVELS and doing >> shift & 1 for shift in (level, LEVELS + level))
        details = coefficients.levels[level]
        expected = transform.whole.expected(low, sizes, level, step) if predicts else _nothing(details)
        levels = transform.whole if refines else transform.predicting
        low = levels.joined(low, details, expected, level, step)
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
            What there was to quantise, a plane's details less what a decoder will expect of them; and what levels shall
            do, in the bits of ALL.
        """
        found = Pyramid.of(self._exact.shape, self._exact.flat.copy())
        low = quantised.low.astype(np.int64) * steps.of_low(self._step, len(self._joints))
        doing = 0
        for level in range(len(self._joints) - 1, -1, -1):
            expected = _nothing(found.levels[level])
            if level < LEVELS:
                expected, predicts = self._expected(low, found.levels[level], level)
                doing |= predicts << LEVELS + level
            for band, likely in zip(found.levels[level], expected, strict=True):
                np.subtract(band, likely, out=band)
            choice(found, level)
            coded = points.of_level(quantised.levels[level], level, self._step, inward)
            low, refines = self._joined(low, coded, expected, level, refine=refine and level < LEVELS)
            doing |= refines << level
        return found, doing

    def _expected(self, low: Longs, details: Details, level: int) -> tuple[Details, bool]:
        """What is expected, and whether that is worth it."""
        expected = self._transform.whole.expected(low, self._joints[level], level, self._step)
        units = [steps.of_band(self._step, level, band) for band in range(3)]
        without = sum(_cost(band / unit) for band, unit in zip(details, units, strict=True))
        given = sum(_cost((band - one) / unit) for band, one, unit in zip(details, expected, units, strict=True))
        return (expected, True) if given < without else (_nothing(details), False)

    def _joined(self, low: Longs, coded: Details, expected: Details, level: int, *, refine: bool) -> tuple[Longs, bool]:
        """What comes closest to the exact plane, and whether it is refined."""
        plain = self._transform.predicting.joined(low, coded, expected, level, self._step)
        if not refine:
            return plain, False
        refined = self._transform.whole.joined(low, coded, expected, level, self._step)
        missed, left = (_missed(one, self._aims[level]) for one in (plain, refined))
        return (refined, True) if left < missed else (plain, False)


def _cost(scaled: NDArray[np.float64]) -> float:
    """What coefficients in steps will roughly cost."""
    squares = np.square(scaled).astype(np.float32)
    large = _LARGE + _DOUBLED / 2 * np.log2(np.maximum(squares, _LARGE) / _LARGE)
    return float(np.minimum(squares, large).sum(dtype=np.float64))


def _missed(found: Longs, aim: Longs) -> float:
    return float(np.square(found - aim, dtype=np.float64).sum())


def _nothing(details: Details) -> Details:
    beside, below, corner = (np.zeros_like(band) for band in details)
    return beside, below, corner


def _joints(pyramid: Exact) -> list[tuple[int, int]]:
    """Rows and columns that each level joins to, the finest first."""
    return list(wavelet.shapes(*pyramid.shape))[:-1]
