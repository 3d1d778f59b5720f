"""Linear prediction: integer weights for the neighbours of a pixel, found by the encoder for each image.

The prediction is made in sixteenths of a step of the image, relative to the pixel on the left, so that it does not
depend on the image's mean. Weighted least squares adapts it to every reconstruction kernel and to zero-filled MR.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.errors import CorruptStream

__all__ = ["ACROSS", "AROUND", "checked", "predict", "solve"]

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

_UNIT = 4096
_FURTHEST = 32767
_MOST_WEIGHT = 65535
"""The sum of all absolute weights that a decoder accepts: with it no sum leaves 32 bits."""
_SAMPLES = 60_000


def _terms(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> tuple[Ints, list[Ints]]:
    """The pixel on the left, and the differences of the others from it."""
    flat = plane.reshape(-1)
    left = flat[places + geometry.offset(-1, 0)]
    values = [flat[places + geometry.offset(dx, dy)] for dx, dy in AROUND]
    if before is not None:
        flat = before.reshape(-1)
        values += [flat[places + geometry.offset(dx, dy)] for dx, dy in ACROSS]
    return left, [np.clip(value - left, -_FURTHEST, _FURTHEST) for value in values]


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
    left, terms = _terms(geometry, plane, before, places)
    total = np.full_like(left, 128)
    for weight, term in zip(weights, terms, strict=True):
        total += weight * term
    return np.clip(16 * left + (total >> 8), 0, 16 * highest)


def checked(weights: Ints, *, across: bool) -> Ints:
    """The weights, if a decoder may use them.

    Raises:
        CorruptStream: their number or their size.
    """
    if weights.size != len(AROUND) + across * len(ACROSS) or int(np.abs(weights.astype(np.int64)).sum()) > _MOST_WEIGHT:
        raise CorruptStream("linear weights that make no sense")
    return weights


def solve(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> Ints:
    """Weights that predict a tile well: least squares, twice, the second time with outliers held down."""
    some = places[:: max(1, places.size // _SAMPLES)]
    left, terms = _terms(geometry, plane, before, some)
    across = np.stack(terms, axis=1).astype(np.float32)
    wanted = (plane.reshape(-1)[some] - left).astype(np.float32)
    near = across[:, : min(8, across.shape[1])]
    weight = (1 + np.abs(near).mean(axis=1)) ** -1.5
    found = np.zeros(across.shape[1], np.float32)
    for _ in range(2):
        found = _least_squares(across, wanted, weight)
        missed = np.abs(wanted - across @ found)
        weight = weight / (1 + missed / (1 + np.abs(near).mean(axis=1)))
    return _rounded(found)


def _least_squares(
    terms: NDArray[np.float32], wanted: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    weighted = terms * weight[:, np.newaxis]
    normal = (weighted.T @ terms).astype(np.float64)
    normal[np.diag_indices_from(normal)] += 1e-4 * np.trace(normal) / len(normal) + 1e-3
    return np.linalg.solve(normal, (weighted.T @ wanted).astype(np.float64)).astype(np.float32)


def _rounded(found: NDArray[np.float32]) -> Ints:
    total = float(np.abs(found).sum()) * _UNIT
    if not np.isfinite(total):
        return np.zeros(found.size, np.int32)
    if total > _MOST_WEIGHT - found.size:
        found = found * ((_MOST_WEIGHT - found.size) / total)
    return np.rint(found * _UNIT).astype(np.int32)
