"""Linear prediction: integer weights for the neighbours of a pixel, chosen by the encoder for each tile.

The prediction is made in sixteenths of a step of the image, relative to the pixel on the left, so that it does not
depend on the image's mean. ``solver`` finds the weights.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.errors import CorruptStream

__all__ = ["ACROSS", "AROUND", "UNIT", "checked", "predict", "rounded", "terms"]

AROUND = (
    *((0, 1), (-1, 1), (1, 1), (-2, 0), (0, 2), (-2, 1), (2, 1), (-1, 2), (1, 2), (-2, 2), (2, 2), (-3, 0), (0, 3)),
    *((-3, 1), (-1, 3), (1, 3), (-3, 2), (3, 2), (-2, 3), (2, 3), (-4, 0), (0, 4), (-4, 1), (-1, 4), (1, 4)),
)
"""Neighbours (dx, dy) of pixel (x, y): (x + dx, y - dy), all coded before it. (-1, 0) is what they are relative to."""
ACROSS = (
    *((0, 0), (-1, 0), (1, 0), (0, 1), (0, -1), (-1, 1), (1, 1), (-1, -1), (1, -1)),
    *((-2, 0), (2, 0), (0, 2), (0, -2)),
)
"""Neighbours in the tile before, where there is one."""

UNIT = 4096
"""One, as a weight."""
_FURTHEST = 32767
_MOST_WEIGHT = 65535
"""The sum of all absolute weights that a decoder accepts: with it no sum leaves 32 bits."""


def terms(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> tuple[Ints, Ints]:
    """The pixels on the left of these places, and the others less them, of shape (places, terms)."""
    at = places[:, np.newaxis]

    def around(known: Ints, neighbours: tuple[tuple[int, int], ...]) -> Ints:
        return known.reshape(-1)[at + np.array([geometry.offset(dx, dy) for dx, dy in neighbours], np.int32)]

    left = around(plane, ((-1, 0),))
    values = around(plane, AROUND) if before is None else np.hstack([around(plane, AROUND), around(before, ACROSS)])
    return left[:, 0], np.clip(values - left, -_FURTHEST, _FURTHEST)


def predict(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints, weights: Ints, highest: int) -> Ints:
    """Predictions in sixteenths, 0 to 16 x highest, for the pixels at these places.

    Args:
        geometry: of the tile.
        plane: its values as far as they are known.
        before: the plane of the tile before, or None.
        places: see ``Geometry.at``.
        weights: in 1/4096, one for each of AROUND and, with a tile before, of ACROSS.
        highest: the largest value of the image.
    """
    left, found = terms(geometry, plane, before, places)
    total = found @ weights.astype(np.int32) + 128
    return np.clip(16 * left + (total >> 8), 0, 16 * highest)


def checked(weights: Ints, *, across: bool) -> Ints:
    """The weights, if a decoder may use them.

    Raises:
        CorruptStream: their number or their size.
    """
    if weights.size != len(AROUND) + across * len(ACROSS) or int(np.abs(weights.astype(np.int64)).sum()) > _MOST_WEIGHT:
        raise CorruptStream("linear weights that make no sense")
    return weights


def rounded(found: NDArray[np.float32]) -> Ints:
    """Weights of floats as ``predict`` takes them; none where they make no sense."""
    total = float(np.abs(found).sum()) * UNIT
    if not np.isfinite(total):
        return np.zeros(found.size, np.int32)
    if total > _MOST_WEIGHT - found.size:
        found = found * ((_MOST_WEIGHT - found.size) / total)
    return np.rint(found * UNIT).astype(np.int32)
