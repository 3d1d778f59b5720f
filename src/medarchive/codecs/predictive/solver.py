"""Solver: the encoder's choice of weights for the linear prediction. Whatever it chooses, a decoder follows.

Weighted least squares over some of a tile's pixels, twice: smooth places count more than rough ones, and the second
time outliers are held down. So the prediction suits every reconstruction kernel and zero-filled MR.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive import linear
from medarchive.codecs.predictive.planes import Geometry, Ints

__all__ = ["Samples", "solve"]

_LEAST, _MOST = 12_000, 40_000
"""Pixels that are looked at."""
_ONE_IN = 6
_NEAR = 8
"""Neighbours that say how rough a place is."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Samples:
    """Some pixels of a tile.

    Attributes:
        terms: float32 of shape (pixels, terms), what ``linear.predict`` weighs.
        wanted: float32, the pixels less those on their left.
        rough: float32, from 1 on.
    """

    terms: Floats
    wanted: Floats
    rough: Floats

    @classmethod
    def of(cls, geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> Self:
        """Pixels from all over a tile; see ``linear.predict``."""
        count = min(_MOST, max(_LEAST, places.size // _ONE_IN))
        some = places[:: max(1, places.size // count)]
        left, terms = linear.terms(geometry, plane, before, some)
        found = terms.astype(np.float32)
        rough = 1 + np.abs(found[:, :_NEAR]).mean(axis=1)
        return cls(found, (plane.reshape(-1)[some] - left).astype(np.float32), rough)

    def fitted(self, count: int, start: Floats | None = None) -> Floats:
        """Weights for the first ``count`` terms; the better for a ``start`` from which outliers are known."""
        weight = self.rough**-1.5
        if start is not None:
            weight = weight / (1 + np.abs(self.missed(start)) / self.rough)
        terms = self.terms[:, :count]
        weighted = terms * weight[:, np.newaxis]
        normal = (weighted.T @ terms).astype(np.float64)
        normal[np.diag_indices_from(normal)] += 1e-4 * np.trace(normal) / len(normal) + 1e-3
        return np.linalg.solve(normal, (weighted.T @ self.wanted).astype(np.float64)).astype(np.float32)

    def missed(self, weights: Floats) -> Floats:
        """By how much each pixel misses its prediction."""
        missed: Floats = self.wanted - self.terms[:, : weights.size] @ weights
        return missed

    def bits(self, weights: Floats) -> float:
        """About how many bits a pixel's error has, up to a constant."""
        return float(np.log2(0.5 + np.abs(self.missed(weights))).mean())


def solve(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> Ints:
    """Weights that predict a tile well, see ``linear.predict``."""
    samples = Samples.of(geometry, plane, before, places)
    count = samples.terms.shape[1]
    return linear.rounded(samples.fitted(count, samples.fitted(count)))
