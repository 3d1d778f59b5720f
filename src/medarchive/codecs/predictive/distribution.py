"""Distribution: what the network says of a pixel, as an interval of integers for the range coder.

The residual from the predicted value is coded in classes of 2^b neighbouring values, 2 REACH + 1 of them at most
around the prediction, and an escape for all others. Where the image's own range ends before the reach does, the
outermost class takes all that lies beyond. A class is an interval of 0 to 65,536, cut out by a table of the
distribution function.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.features import LIMIT
from medarchive.codecs.predictive.planes import Ints

__all__ = [
    "CENTRE",
    "LEAST_SPREAD",
    "MOST_SPREAD",
    "PER_SCALE",
    "PRECISION",
    "SHAPES",
    "SPAN",
    "STEEP",
    "Bins",
    "Parameters",
    "bins",
    "parameters",
    "tables",
]

PRECISION = 16
PER_SCALE = 96
"""Entries of a table for each scale of the distribution."""
SPAN = 4096
CENTRE = SPAN // 2
SHAPES = ((0.0, 3.0), (0.12, 3.0), (0.3, 3.0), (0.3, 5.0))
"""Of each shape: the share of a second logistic distribution and how many times as wide it is."""
MOST_LOCATION = 4 * LIMIT
LEAST_SPREAD, MOST_SPREAD = -40, 31
_REACH = 168
STEEP = np.array([[round(32 * 384 / ((2 * m + 9) * 2 ** (b / 8))) for b in range(8)] for m in range(4)], np.int32)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of some pixels: the centre in sixteenths; the table's steepness and shift; its number."""

    centre: Ints
    steep: Ints
    shift: Ints
    shape: Ints


@dataclass(frozen=True, slots=True)
class Bins:
    """The classes of a pixel.

    Attributes:
        middle: the value that class 0 is around.
        part: 16 middle - centre, in sixteenths.
        low_bits: b, the binary logarithm of a class's width.
        first: number of the first class; last: of the last one.
        end: where the last class ends in 0 to 65,536 where the image's range ends with it; else 0.
        escape: whether a value may lie in no class.
        floor: 65,536 less the counts that are given to all classes alike.
        reach: how many classes there are on each side of class 0.
    """

    middle: int
    part: int
    low_bits: int
    first: int
    last: int
    end: int
    escape: bool
    floor: int
    reach: int


def parameters(outputs: Ints, predicted: Ints, scale: Ints, highest: int) -> Parameters:
    """From the network's outputs (location in 1/64 scales, spread in 1/8 octaves, shape), shape (3, pixels)."""
    location = np.clip(outputs[0], -MOST_LOCATION, MOST_LOCATION)
    spread = np.clip(outputs[1], LEAST_SPREAD, MOST_SPREAD)
    shape = np.clip(outputs[2], 0, len(SHAPES) - 1)
    octave, quarter = scale >> 2, scale & 3
    moved = (((location * (2 * quarter + 9)) << octave) + 128) >> 8
    centre = np.clip(predicted + moved, 0, 16 * highest)
    return Parameters(centre, STEEP[quarter, spread & 7], octave + (spread >> 3), shape)


def bins(centre: int, shift: int, highest: int) -> Bins:
    """The classes around a centre."""
    middle = (centre + 8) >> 4
    low_bits = max(0, shift - 5)
    half = (1 << low_bits) >> 1
    reach = (_REACH >> max(0, 5 - shift)) + 4
    lowest, uppermost = (half - middle) >> low_bits, (highest - middle + half) >> low_bits
    first, last = max(-reach, lowest), min(reach, uppermost)
    escape = lowest < -reach or uppermost > reach
    end = (1 << PRECISION) - 2 * escape if uppermost <= reach else 0
    return Bins(
        middle=middle,
        part=centre - 16 * middle,
        low_bits=low_bits,
        first=first,
        last=last,
        end=end,
        escape=escape,
        floor=(1 << PRECISION) - 2 * reach - 2,
        reach=reach,
    )


def start(bins: Bins, number: int, steep: int, shift: int, table: NDArray[np.uint16]) -> int:
    """Where class ``number`` begins, for first <= number <= last + 1; after the last, where the escape begins."""
    if number == bins.first:
        return 0
    if number > bins.last and bins.end:
        return bins.end
    edge = (number << (bins.low_bits + 4)) - 16 * ((1 << bins.low_bits) >> 1) - 8 - bins.part
    index = min(max(((edge * steep) >> (5 + shift)) + CENTRE, 0), SPAN - 1)
    return (int(table[index]) * bins.floor >> PRECISION) + number + bins.reach


def tables() -> NDArray[np.uint16]:
    """The distribution functions of all shapes, as a model is given them at its making; a decoder reads its model's."""
    z = (np.arange(SPAN) - CENTRE) / PER_SCALE
    logistic = [(1 - share) / (1 + np.exp(-z)) + share / (1 + np.exp(-z / wide)) for share, wide in SHAPES]
    return np.rint(65535 * np.stack(logistic)).astype(np.uint16)
