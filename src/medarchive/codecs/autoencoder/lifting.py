"""Lifting: the 9/7 transform with learned steps on its finest levels, in integers (after Ma et al., iWave, 2020).

Each level is analysed by the 9/7 transform of ``wavelet``. Then its details are lifted once more: a small network
predicts them from the low band, and what is left is coded. A decoder adds what the same network predicts from the low
band that it has; an encoder that wants to lose nothing but its own rounding predicts from that one, too. A second
network, of the synthesis alone, then sees all four bands and moves them to where they most likely were before they
were quantised.

Networks see everything in steps of the quantiser, and the low band only as differences to its middle value, so that
neither an image's unit nor its level matters. Inputs are in 1/16 up to 2047, weights in 1/1024 and activations in 1/256
have 12 bits, and sums stay below 2^31 (``lifting_model.WIDEST``), in whatever order they are added.
"""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import steps, wavelet
from medarchive.codecs.autoencoder.lifting_model import LevelNetworks, LiftingModel
from medarchive.codecs.autoencoder.network import MOST_ACTIVE, Layer
from medarchive.codecs.autoencoder.wavelet import Details, Plane

__all__ = ["Lifting", "of_three", "shapes_of", "units_of"]

Ints = NDArray[np.int64]

_FIRST, _OTHER = 6, 10
"""By how many bits the sums of first and other layers are shifted."""
_MOST_INPUT = 2047
_MOST_LOW = 1 << 29
_MOST_CHANGE = 32767
"""128 steps, in 1/256."""
_RECIPROCAL = 30
_BOUND = (1 << 31) - 1
_FIVE = tuple(place for place in product(range(5), range(5)) if place != (2, 2))
_THREE = tuple(product(range(3), range(3)))


class Lifting:
    """The normative learned transform. Any thread may use it."""

    def __init__(self, model: LiftingModel) -> None:
        self._levels = model.levels

    def expected(self, low: Plane, sizes: tuple[int, int], level: int, step: int) -> Details:
        """The details of a level as its low band lets expect them.

        Args:
            low: the decoded low band, in 1/64 of a stored unit.
            sizes: rows and columns that the level joins to.
            level: 0 is the finest.
            step: number of the image's step.
        """
        shapes = shapes_of(*sizes)
        if level >= len(self._levels) or not self._levels[level].predict:
            return of_three(np.zeros(shape, np.int64) for shape in shapes)
        first, second, last = self._levels[level].predict
        hidden = _active(first, _around(low, steps.of_band(step, level, 0)), _FIRST)
        hidden = _active(second, _squares(hidden, low.shape), _OTHER)
        units = units_of(step, level)
        return of_three(
            change[: shape[0], : shape[1]]
            for change, shape in zip(_changes(last, hidden, low.shape, units), shapes, strict=True)
        )

    def joined(self, low: Plane, rest: Details, expected: Details, level: int, step: int) -> Plane:
        """The low band of the next finer level, or the plane.

        Args:
            low: the decoded low band.
            rest: what was coded of the details.
            expected: see ``expected``.
            level: 0 is the finest.
            step: number of the image's step.
        """
        details = of_three(one + other for one, other in zip(rest, expected, strict=True))
        if level < len(self._levels) and self._levels[level].refine:
            low, details = _refined(self._levels[level], low, rest, details, units_of(step, level))
        return wavelet.joined(low, details)


def shapes_of(rows: int, columns: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Rows and columns of the details of a level that joins to so many."""
    low, wide = (rows + 1) // 2, (columns + 1) // 2
    return (low, columns // 2), (rows // 2, wide), (rows // 2, columns // 2)


def of_three(bands: Iterable[Plane]) -> Details:
    """Three bands in the order of BANDS."""
    beside, below, corner = bands
    return beside, below, corner


def units_of(step: int, level: int) -> tuple[int, int, int, int]:
    """The steps of the low band, as the networks see it, and of the three others."""
    beside, below, corner = (steps.of_band(step, level, band) for band in range(3))
    return beside, beside, below, corner


def _refined(
    networks: LevelNetworks, low: Plane, rest: Details, details: Details, units: Sequence[int]
) -> tuple[Plane, Details]:
    first, second, third, last = networks.refine
    seen = [_around(low, units[0])]
    framed = [_framed(band, low.shape) for band in details]
    seen += [_taps(_inputs(band, unit), _THREE, 1) for band, unit in zip(framed, units[1:], strict=True)]
    seen.append(
        np.stack([_inputs(_framed(b, low.shape), unit).reshape(-1) for b, unit in zip(rest, units[1:], strict=True)])
    )
    hidden = _active(first, np.concatenate(seen), _FIRST)
    hidden = _active(second, _squares(hidden, low.shape), _OTHER)
    hidden = _active(third, _squares(hidden, low.shape), _OTHER)
    changes = _changes(last, hidden, low.shape, units)
    moved = of_three(band + c[: band.shape[0], : band.shape[1]] for band, c in zip(details, changes[1:], strict=True))
    return low + changes[0], moved


def _framed(band: Plane, shape: tuple[int, ...]) -> Plane:
    """A band with as many rows and columns as the low one, zeros where it has none."""
    return np.pad(band, [(0, have - has) for have, has in zip(shape, band.shape, strict=True)])


def _steps(values: Plane, unit: int) -> Ints:
    """Values of 1/64 in 1/16 of a step of so many 1/64."""
    reciprocal = ((1 << _RECIPROCAL) + unit // 2) // unit
    products: Ints = np.clip(values, -_BOUND, _BOUND) * reciprocal
    return products + (1 << _RECIPROCAL - 5) >> _RECIPROCAL - 4


def _inputs(values: Plane, unit: int) -> Ints:
    found: Ints = np.clip(_steps(values, unit), -_MOST_INPUT, _MOST_INPUT)
    return found


def _taps(values: Ints, places: Sequence[tuple[int, int]], margin: int) -> Ints:
    """Neighbours of each value, the borders repeated; (places, sites)."""
    rows, columns = values.shape
    wide = np.pad(values, margin, mode="edge")
    return np.stack([wide[y : y + rows, x : x + columns].reshape(-1) for y, x in places])


def _around(low: Plane, unit: int) -> Ints:
    """The low coefficients around each one, less that one."""
    values = np.clip(_steps(low, unit), -_MOST_LOW, _MOST_LOW)
    found: Ints = np.clip(_taps(values, _FIVE, 2) - values.reshape(-1), -_MOST_INPUT, _MOST_INPUT)
    return found


def _squares(hidden: Ints, shape: tuple[int, ...]) -> Ints:
    """3 x 3 of each unit: (units x 9, sites)."""
    return np.concatenate([_taps(unit.reshape(shape), _THREE, 1) for unit in hidden])


def _active(layer: Layer, inputs: Ints, shift: int) -> Ints:
    found: Ints = np.clip(layer.shifted(inputs.astype(np.int32), shift), 0, MOST_ACTIVE).astype(np.int64)
    return found


def _changes(layer: Layer, hidden: Ints, shape: tuple[int, ...], units: Sequence[int]) -> list[Plane]:
    """What is added to bands, in 1/64 of a stored unit."""
    out = np.clip(layer.shifted(hidden.astype(np.int32), _OTHER), -_MOST_CHANGE, _MOST_CHANGE).astype(np.int64)
    units = units[len(units) - len(out) :]
    return [(one.reshape(shape) * unit + (1 << 7)) >> 8 for one, unit in zip(out, units, strict=True)]
