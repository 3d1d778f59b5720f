"""BD-rate: how many more bytes one codec takes than another at the same quality, over all quality that both reach.

The mean difference of the logarithms of the rates over quality (G. Bjøntegaard, ITU-T VCEG-M33, 2001), with piecewise
cubics in place of its one cubic: a polynomial of third degree does not pass through ten points and, where a curve bends
as a codec's does between 0.1 and 1 bit a pixel, is off at the ends by more than the codecs differ; one that did pass
through all would swing between them. A piecewise cubic that keeps monotone data monotone (F. N. Fritsch and J. Butland,
SIAM J. Sci. Stat. Comput. 5(2), 1984) passes through every point and swings nowhere.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Monotone", "bd_rate", "frontier", "most_rate", "quality_at"]

Reached = tuple[float, float]
"""Rate (above 0, in any unit) and quality (in dB)."""
Floats = NDArray[np.float64]
_FINE = 257


class Monotone:
    """A cubic between each two points, with slopes that make nothing larger or smaller than its neighbours."""

    def __init__(self, x: ArrayLike, y: ArrayLike) -> None:
        """Through points.

        Args:
            x: strictly increasing, two at least.
            y: as many.

        Raises:
            ValueError: they are fewer, or ``x`` does not increase.
        """
        self._x, self._y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self._x.ndim != 1 or self._x.size < 2 or self._x.shape != self._y.shape or (np.diff(self._x) <= 0).any():
            raise ValueError("a curve goes through two points at least, one behind the other")
        self._slopes = _slopes(self._x, self._y)

    def __call__(self, at: ArrayLike) -> Floats:
        """Values between the first point and the last; beyond, of the nearest piece."""
        places = np.asarray(at, np.float64)
        piece = np.clip(np.searchsorted(self._x, places, "right") - 1, 0, self._x.size - 2)
        width = self._x[piece + 1] - self._x[piece]
        t = (places - self._x[piece]) / width
        y0, y1 = self._y[piece], self._y[piece + 1]
        m0, m1 = width * self._slopes[piece], width * self._slopes[piece + 1]
        cubic = (2 * y0 - 2 * y1 + m0 + m1) * t**3 + (3 * y1 - 3 * y0 - 2 * m0 - m1) * t**2 + m0 * t + y0
        return np.asarray(cubic, np.float64)


def frontier(points: Iterable[Reached]) -> list[Reached]:
    """The points that no other one beats, in the order of their rates: as few bits and as good is nowhere else.

    What is not finite is left out: a lossless point has no PSNR.
    """
    best: list[Reached] = []
    for rate, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if np.isfinite(quality) and (not best or quality > best[-1][1]):
            best.append((rate, quality))
    return best


def bd_rate(points: Sequence[Reached], reference: Sequence[Reached]) -> float | None:
    """By how much the rate differs from the reference's at the same quality: -0.15 is 15 % less.

    Returns:
        The mean over the quality that both reach; None where there is none (no overlap).
    """
    both = _over_shared_quality(points, reference)
    if both is None:
        return None
    ours, theirs, knots = both
    low, high = knots[:-1], knots[1:]

    def area(curve: Monotone) -> float:  # Simpson's rule has no error on cubics
        pieces = (high - low) / 6 * (curve(low) + 4 * curve((low + high) / 2) + curve(high))
        return float(pieces.sum())

    return float(np.expm1((area(ours) - area(theirs)) / (knots[-1] - knots[0])))


def most_rate(points: Sequence[Reached], reference: Sequence[Reached]) -> float | None:
    """The largest rate in units of the reference's, over all quality that both reach; None where there is none."""
    both = _over_shared_quality(points, reference)
    if both is None:
        return None
    ours, theirs, knots = both
    fine = np.union1d(knots, np.linspace(knots[0], knots[-1], _FINE))
    return float(np.exp((ours(fine) - theirs(fine)).max()))


def quality_at(points: Sequence[Reached], rate: float, tolerance: float = 0.02) -> float | None:
    """The quality at a rate, by the same kind of curve over the rate's logarithm; None where it does not reach.

    Args:
        points: of a curve.
        rate: at which.
        tolerance: by what share the first rate may be above, or the last below.
    """
    kept = frontier(points)
    if len(kept) < 2 or not kept[0][0] / (1 + tolerance) <= rate <= kept[-1][0] * (1 + tolerance):
        return None
    curve = Monotone(np.log([point[0] for point in kept]), [point[1] for point in kept])
    return float(curve(np.log(rate)))


def _over_shared_quality(
    points: Sequence[Reached], reference: Sequence[Reached]
) -> tuple[Monotone, Monotone, Floats] | None:
    """Log-rate over quality of both, and the ends and knots of the range of quality that they share."""
    kept = frontier(points), frontier(reference)
    if min(map(len, kept)) < 2:
        return None
    quality = [np.array([point[1] for point in each]) for each in kept]
    low, high = max(each[0] for each in quality), min(each[-1] for each in quality)
    if high <= low:
        return None
    knots = np.unique(np.concatenate([*quality, [low, high]]))
    ours, theirs = (Monotone(of, np.log([point[0] for point in each])) for of, each in zip(quality, kept, strict=True))
    return ours, theirs, knots[(knots >= low) & (knots <= high)]


def _slopes(x: Floats, y: Floats) -> Floats:
    """At each point; 0 where the data turn, else a weighted harmonic mean of the slopes to both sides."""
    width = np.diff(x)
    rise = np.diff(y) / width
    if rise.size == 1:
        return np.repeat(rise, 2)
    inner = np.zeros(rise.size - 1)
    same = rise[:-1] * rise[1:] > 0
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    inner[same] = ((before + after)[same]) / (before[same] / rise[:-1][same] + after[same] / rise[1:][same])
    first = _at_an_end(width[0], width[1], rise[0], rise[1])
    last = _at_an_end(width[-1], width[-2], rise[-1], rise[-2])
    return np.concatenate([[first], inner, [last]])


def _at_an_end(width: float, next_width: float, rise: float, next_rise: float) -> float:
    """The parabola's through three points, held where it would turn."""
    slope = ((2 * width + next_width) * rise - width * next_rise) / (width + next_width)
    if slope * rise <= 0:
        return 0.0
    return 3 * rise if rise * next_rise <= 0 and abs(slope) > 3 * abs(rise) else slope
