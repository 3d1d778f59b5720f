"""Wavelet: the CDF 9/7 transform by lifting in integers, of any size (Daubechies & Sweldens 1998; ITU-T T.800 F.3).

Values are in 1/64 of a stored unit. The four steps multiply by constants of 1/65,536 and round down after adding a
half, so that every machine finds the same numbers; the last scaling of T.800 is left out, and the quantiser's steps
carry it instead. A line of one value is its own low band.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALL",
    "BANDS",
    "FRACTION",
    "Bands",
    "Details",
    "Plane",
    "analysed",
    "joined",
    "level_count",
    "shapes",
    "split",
    "synthesised",
]

Plane = NDArray[np.int64]
Details = tuple[Plane, Plane, Plane]

FRACTION = 6
"""Bits behind the point of a coefficient."""
_STEPS = (-103949, -3472, 57862, 29066)
"""-1.586134342, -0.052980118, 0.882911075, 0.443506852 in 1/65,536."""
BANDS = ("HL", "LH", "HH")
"""In the order in which they are coded: detail along columns' direction x, along y, along both."""
_COARSEST = 4
ALL = range(1 << 8)
"""Whatever levels there are."""


@dataclass(frozen=True, slots=True)
class Bands:
    """A plane's coefficients.

    Attributes:
        low: what is left after the last level, at most 4 x 4.
        details: for each level, the finest first, the bands of BANDS.
    """

    low: Plane
    details: tuple[Details, ...]


def level_count(rows: int, columns: int) -> int:
    """How many levels a plane has: until no side is longer than 4."""
    count, side = 0, max(rows, columns)
    while side > _COARSEST:
        side, count = (side + 1) // 2, count + 1
    return count


def shapes(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of what is transformed at each level, and last of the low band."""
    for _ in range(level_count(rows, columns)):
        yield rows, columns
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
    yield rows, columns


def split(plane: Plane) -> tuple[Plane, Details]:
    """One level: the low band, and the bands of BANDS."""
    left, right = _split(plane)
    (low, below), (beside, corner) = (_split(half.T) for half in (left, right))
    return low.T, (beside.T, below.T, corner.T)


def joined(low: Plane, details: Details) -> Plane:
    """What ``split`` was given."""
    beside, below, corner = details
    left, right = _joined(low.T, below.T).T, _joined(beside.T, corner.T).T
    return _joined(left, right)


def analysed(plane: Plane) -> Bands:
    """The coefficients of a plane of shape (rows, columns), in 1/64 of a stored unit."""
    low, levels = plane, []
    for _ in range(level_count(*plane.shape)):
        low, details = split(low)
        levels.append(details)
    return Bands(low, tuple(levels))


def synthesised(bands: Bands) -> Plane:
    """The plane of some coefficients."""
    low = bands.low
    for details in reversed(bands.details):
        low = joined(low, details)
    return low


def _lifted(sides: Plane, step: int) -> Plane:
    """What is added to each value: a multiple of the sum of the two beside it."""
    return (step * sides + (1 << 15)) >> 16


def _beside_odd(even: Plane, odds: int) -> Plane:
    """The sum of the even values left and right of each odd one; beyond the end stands the last one."""
    right = even[:, 1 : odds + 1]
    if right.shape[1] < odds:
        right = np.concatenate([right, even[:, -1:]], axis=1)
    sides: Plane = even[:, :odds] + right
    return sides


def _beside_even(odd: Plane, evens: int) -> Plane:
    """The sum of the odd values left and right of each even one; beyond the ends stand the outermost."""
    left = np.concatenate([odd[:, :1], odd], axis=1)
    right = odd if odd.shape[1] == evens else np.concatenate([odd, odd[:, -1:]], axis=1)
    sides: Plane = left[:, :evens] + right
    return sides


def _split(lines: Plane) -> tuple[Plane, Plane]:
    """Low and high halves of each line."""
    even, odd = lines[:, 0::2].copy(), lines[:, 1::2].copy()
    if odd.shape[1]:
        for number, step in enumerate(_STEPS):
            if number % 2 == 0:
                odd += _lifted(_beside_odd(even, odd.shape[1]), step)
            else:
                even += _lifted(_beside_even(odd, even.shape[1]), step)
    return even, odd


def _joined(low: Plane, high: Plane) -> Plane:
    """Lines from their halves."""
    even, odd = low.copy(), high.copy()
    if odd.shape[1]:
        for number, step in reversed(list(enumerate(_STEPS))):
            if number % 2 == 0:
                odd -= _lifted(_beside_odd(even, odd.shape[1]), step)
            else:
                even -= _lifted(_beside_even(odd, even.shape[1]), step)
    lines = np.empty((even.shape[0], even.shape[1] + odd.shape[1]), np.int64)
    lines[:, 0::2], lines[:, 1::2] = even, odd
    return lines
