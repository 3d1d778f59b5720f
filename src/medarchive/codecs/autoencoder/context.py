"""Context: what the network sees of a coefficient, all of it decoded before.

The bands of a level are coded in the order of BANDS, each in four passes: the sites of even row and column first, then
odd and odd, even and odd, odd and even. Within a pass no site sees another, so a pass is one step for any number of
processors. A site sees sites of its own band that earlier passes coded, the earlier bands of its level around its
place, and the bands of the next coarser level around its parent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPANDED", "COUNTS", "MARGIN", "PASSES", "Canvas", "activity", "companded", "features", "sites"]

Ints = NDArray[np.int32]

PASSES = ((0, 0), (1, 1), (0, 1), (1, 0))
"""Row and column, modulo 2, of the sites of each pass."""
MARGIN = 4
"""Zeros around a canvas."""
_MOST_LEVEL = 6
"""Coarser levels are all alike."""
UNIT = 16
"""A feature of 1.0."""
COMPANDED = np.rint(UNIT * np.log2(1.0 + np.arange(256))).astype(np.int32)
"""How large a coefficient of each absolute value looks; larger ones look like the last."""

_CROSS = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))
_SQUARE = tuple(product((-1, 0, 1), (-1, 0, 1)))
_BESIDE = (*_SQUARE, (0, -2), (0, 2), (-2, 0), (2, 0))


def _own(number: int) -> tuple[tuple[int, int], ...]:
    """Where sites of the same band lie that are known in a pass, at most three rows or columns away."""
    row, column = PASSES[number]
    near = (at for at in product(range(-3, 4), range(-3, 4)) if abs(at[0]) + abs(at[1]) <= 4)
    earlier = PASSES[:number]
    return tuple(at for at in near if ((row + at[0]) % 2, (column + at[1]) % 2) in earlier)


OWN = tuple(map(_own, range(4)))


@dataclass(frozen=True, slots=True)
class Canvas:
    """The bands of one level as the network sees them: companded, with MARGIN zeros around.

    Attributes:
        signed: int32 of shape (3, rows + 2 MARGIN, columns + 2 MARGIN); where a band has no site, or none is known yet,
            there is 0.
    """

    signed: Ints

    @classmethod
    def empty(cls, rows: int, columns: int) -> "Canvas":
        """That of a level whose low band has so many rows and columns."""
        return cls(np.zeros((3, rows + 2 * MARGIN, columns + 2 * MARGIN), np.int32))

    def put(self, band: int, coefficients: NDArray[np.integer]) -> None:
        """Show a whole band, of shape (rows, columns)."""
        rows, columns = coefficients.shape
        self.signed[band, MARGIN : MARGIN + rows, MARGIN : MARGIN + columns] = companded(coefficients)


def companded(coefficients: NDArray[np.integer]) -> Ints:
    """What coefficients look like."""
    size = COMPANDED[np.minimum(np.abs(coefficients), len(COMPANDED) - 1)]
    found: Ints = np.where(coefficients < 0, -size, size)
    return found


def sites(shape: tuple[int, int], number: int) -> tuple[int, int]:
    """How many rows and columns of sites of a band of some shape belong to a pass."""
    (rows, columns), (row, column) = shape, PASSES[number]
    return max(0, (rows - row + 1) // 2), max(0, (columns - column + 1) // 2)


def activity(band: NDArray[np.integer]) -> int:
    """How much there is in a band, sent with it: 0 where it is empty, else 1 + 4 log2(1024 mean |q|), at most 63."""
    total = int(np.abs(band).sum())
    return min(63, 1 + round(4 * np.log2(max(1.0, 1024 * total / band.size)))) if total else 0


def _boxes(canvas: Ints, radius: int) -> Ints:
    """Sums of absolute values over squares; shape as the canvas less twice the radius."""
    sums = np.abs(canvas).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    side = 2 * radius + 1
    found: Ints = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return found


def features(
    canvas: Canvas,
    parent: Canvas | None,
    shape: tuple[int, int],
    band: int,
    number: int,
    constants: Sequence[int],
) -> Ints:
    """The features of the sites of a pass.

    Args:
        canvas: of the level; what is not yet known is 0.
        parent: of the next coarser level; None at the coarsest.
        shape: of the band.
        band: its number in BANDS.
        number: of the pass.
        constants: features that all sites of the band share.

    Returns:
        int32 of shape (features, sites), in 1/16.
    """
    rows, columns = sites(shape, number)
    row, column = PASSES[number]

    def near(plane: Ints, at: Sequence[tuple[int, int]], margin: int = MARGIN) -> list[Ints]:
        places = ((margin + row + down, margin + column + right) for down, right in at)
        return [plane[y : y + 2 * rows - 1 : 2, x : x + 2 * columns - 1 : 2] for y, x in places]

    def above(plane: Ints, at: Sequence[tuple[int, int]], margin: int = MARGIN) -> list[Ints]:
        places = ((margin + down, margin + right) for down, right in at)
        return [plane[y : y + rows, x : x + columns] for y, x in places]

    own, beside = canvas.signed[band], [canvas.signed[other] for other in range(band)]
    found = near(own, OWN[number])
    for plane in beside:
        found += near(plane, _BESIDE)
    over = _parents(parent, band, rows, columns)
    for plane, at in zip(over, (_SQUARE, _CROSS, _CROSS), strict=True):
        found += above(plane, at)
    found += [np.abs(plane) for plane in found]
    if number:
        found += near(_boxes(own, 4) * _SHARES[number] >> 8, ((0, 0),), 0)
    for plane in beside:
        found += near(_boxes(plane, 3) * 5 >> 8, ((0, 0),), MARGIN - 3)
    for plane in over:
        found += above(_boxes(plane, 2) * 10 >> 8, ((0, 0),), MARGIN - 2)
    found += [np.full((rows, columns), constant, np.int32) for constant in constants]
    return np.stack(found).reshape(len(found), -1)


def _parents(parent: Canvas | None, band: int, rows: int, columns: int) -> list[Ints]:
    """The bands of the coarser level: the same one first; empty ones where there is no such level."""
    if parent is None:
        return [np.zeros((rows + 2 * MARGIN, columns + 2 * MARGIN), np.int32)] * 3
    return [parent.signed[which] for which in (band, *(other for other in range(3) if other != band))]


_SHARES = (0, 12, 6, 4)
CONSTANTS = 12
"""Activities of the band, the two others, the parent, the child; and which level it is."""


def constants(activities: NDArray[np.integer], level: int, band: int) -> list[int]:
    """The features that the sites of a band share.

    Args:
        activities: of all bands, shape (levels, 3).
        level: 0 is the finest.
        band: number in BANDS.
    """
    levels = len(activities)
    found = [int(2 * activities[level, b]) for b in (band, (band + 1) % 3, (band + 2) % 3)]
    found.append(int(2 * activities[level + 1, band]) if level + 1 < levels else 0)
    found.append(int(2 * activities[level - 1, band]) if level else 0)
    return found + [UNIT * (min(level, _MOST_LEVEL) == number) for number in range(_MOST_LEVEL + 1)]


COUNTS = tuple(
    2 * (len(OWN[number]) + band * len(_BESIDE) + len(_SQUARE) + 2 * len(_CROSS)) + bool(number) + band + 3 + CONSTANTS
    for band, number in product(range(3), range(4))
)
"""How many features the sites of each band and pass have."""
