"""Pyramid: the coefficients of a plane, in one array, in the order in which they are coded."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.wavelet import Bands, shapes

__all__ = ["Pyramid"]

Kind = TypeVar("Kind", bound=np.generic)
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Pyramid(Generic[Kind]):
    """Coefficients, quantised ones mostly.

    Attributes:
        flat: one for each pixel: the low band, then from the coarsest level to the finest the bands of BANDS, each row
            by row.
        shape: rows and columns of the plane.
        low: the low band in it, a view.
        levels: for each level, the finest first, its three bands, views.
    """

    flat: NDArray[Kind]
    shape: tuple[int, int]
    low: NDArray[Kind]
    levels: tuple[tuple[NDArray[Kind], NDArray[Kind], NDArray[Kind]], ...]

    @classmethod
    def of(cls, shape: tuple[int, int], flat: NDArray[Kind]) -> "Pyramid[Kind]":
        """That of a plane of some shape in an array."""
        sides = list(shapes(*shape))
        position = 0

        def view(rows: int, columns: int) -> NDArray[Kind]:
            nonlocal position
            position += rows * columns
            return flat[position - rows * columns : position].reshape(rows, columns)

        low = view(*sides[-1])
        levels = []
        for (high, wide), (rows, columns) in reversed(list(pairwise(sides))):
            levels.append((view(rows, wide - columns), view(high - rows, columns), view(high - rows, wide - columns)))
        return cls(flat, shape, low, tuple(reversed(levels)))

    @classmethod
    def zeros(cls, shape: tuple[int, int]) -> "Pyramid[np.int32]":
        """That of a plane of which nothing is known."""
        return Pyramid.of(shape, np.zeros(shape[0] * shape[1], np.int32))

    @classmethod
    def joined(cls, shape: tuple[int, int], bands: Bands) -> "Pyramid[np.int64]":
        """Bands in one array."""
        found = Pyramid.of(shape, np.empty(shape[0] * shape[1], np.int64))
        found.low[...] = bands.low
        for to, details in zip(found.levels, bands.details, strict=True):
            for each, band in zip(to, details, strict=True):
                each[...] = band
        return found
