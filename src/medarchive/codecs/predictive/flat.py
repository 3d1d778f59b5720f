"""Flat blocks: background, padding, air that was clipped. What is around them says that they are flat.

The pixels of a step come in blocks of 16, the last one of which may be shorter. Where the neighbours of each pixel of a
block equal the one on its left, the stream says for the whole block whether the pixels do so, too. If they do, nothing
else is said of them: their errors are zero, and nothing is learned from them. If they do not, the block is coded as
others are.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.planes import Geometry, Ints

__all__ = ["Surprise", "blocks", "flat", "pixels"]

BLOCK = 16
_SAME = ((-2, 0), (-1, 1), (0, 1), (1, 1), (2, 1), (0, 2))
_ALL = 1 << 16

Bools = NDArray[np.bool_]


def blocks(of_pixels: Bools) -> Bools:
    """For each block of a step, whether something is so for all its pixels."""
    padded = np.ones(-(-of_pixels.size // BLOCK) * BLOCK, np.bool_)
    padded[: of_pixels.size] = of_pixels
    every: Bools = np.logical_and.reduce(padded.reshape(-1, BLOCK), axis=1)
    return every


def pixels(of_blocks: Bools, count: int) -> Bools:
    """The other way round, for a step of ``count`` pixels."""
    return np.repeat(of_blocks, BLOCK)[:count]


def flat(geometry: Geometry, plane: Ints, places: Ints) -> Bools:
    """Whether the neighbours of the pixels at these places equal those on their left."""
    values = plane.reshape(-1)
    left = values[places + geometry.offset(-1, 0)]
    others = [values[places + geometry.offset(dx, dy)] == left for dx, dy in _SAME]
    found: Bools = np.logical_and.reduce(others)
    return found


class Surprise:
    """How likely it is that a flat block is none, as what came before it in the tile says.

    Attributes:
        chance: of 65,536.
    """

    def __init__(self) -> None:
        self.chance = 2048

    def interval(self, surprised: bool) -> tuple[int, int]:
        """Start and count."""
        return (0, self.chance) if surprised else (self.chance, _ALL - self.chance)

    def learn(self, surprised: bool) -> None:
        """Take in what a block turned out to be."""
        self.chance += (_ALL - self.chance) >> 5 if surprised else -(self.chance >> 5)
