"""Solver: the encoder's choice of weights for the linear prediction. Whatever it chooses, a decoder follows.

Weighted least squares over some of a tile's pixels, twice: smooth places count more than rough ones, and the second
time outliers are held down. So the prediction suits every reconstruction kernel and zero-filled MR.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive import linear
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.squares import Floats, missed, normal, table

__all__ = ["Samples", "solve"]

_LEAST, _MOST = 12_000, 32_000
"""Pixels that are looked at."""
_ONE_IN = 24
_NEAR = 8
"""Neighbours that say how rough a place is."""


class Samples:
    """Some pixels of a tile, and what predicts them."""

    def __init__(self, geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> None:
        """Take pixels from all over a tile; see ``linear.predict``."""
        count = min(_MOST, max(_LEAST, places.size // _ONE_IN))
        some = places[:: max(1, places.size // count)]
        some = np.concatenate((some[::2], some[1::2]))  # half of them, from all over, say which weights are better
        self._table = table(geometry, plane, before, some)
        self.count = self._table.shape[1] - 1
        self._rough = 1 + np.abs(self._table[:, 1 : 1 + _NEAR]).mean(axis=1)
        self._weight = self._rough**-1.5
        self._normal = normal(self._table, self._weight, self.count)

    def fitted(self, count: int) -> Floats:
        """Weights for the first ``count`` terms."""
        return _solved(self._normal[: 1 + count, : 1 + count])

    def refitted(self, weights: Floats) -> Floats:
        """Better ones, now that pixels are known which no prediction suits."""
        weight = self._weight / (1 + np.abs(missed(self._table, weights)) / self._rough)
        return _solved(normal(self._table, weight, weights.size))

    def bits(self, weights: Floats) -> float:
        """About how many bits a pixel's error has, up to a constant."""
        return float(np.log2(0.5 + np.abs(missed(self._table[: (len(self._table) + 1) // 2], weights))).mean())


def _solved(equations: NDArray[np.float64]) -> Floats:
    """Weights of the normal equations of a table whose first column is what they shall make."""
    matrix = equations[1:, 1:].copy()
    matrix[np.diag_indices_from(matrix)] += 1e-4 * np.trace(matrix) / len(matrix) + 1e-3
    return np.linalg.solve(matrix, equations[1:, 0]).astype(np.float32)


def solve(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> Ints:
    """Weights that predict a tile well, see ``linear.predict``."""
    samples = Samples(geometry, plane, before, places)
    return linear.rounded(samples.refitted(samples.fitted(samples.count)))
