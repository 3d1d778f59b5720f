"""Pyramid: the quantised coefficients of a plane, in one array, in the order in which they are coded."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.wavelet import shapes

__all__ = ["Pyramid"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Quantised coefficients.

    Attributes:
        flat: int32, one for each pixel: the low band, then from the coarsest level to the finest the bands of BANDS,
            each row by row.
        shape: rows and columns of the plane.
        low: the low band in it, a view.
        levels: for each level, the finest first, its three bands, views.
    """

    flat: Ints
    shape: tuple[int, int]
    low: Ints
    levels: tuple[tuple[Ints, Ints, Ints], ...]

    @classmethod
    def of(cls, rows: int, columns: int, flat: Ints | None = None) -> "Pyramid":
        """That of a plane; without an array, of zeros."""
        flat = np.zeros(rows * columns, np.int32) if flat is None else flat
        all_rows, all_columns = rows, columns
        sides = list(shapes(rows, columns))
        position = 0

        def view(rows: int, columns: int) -> Ints:
            nonlocal position
            position += rows * columns
            return flat[position - rows * columns : position].reshape(rows, columns)

        low = view(*sides[-1])
        levels = []
        for (high, wide), (rows, columns) in reversed(list(pairwise(sides))):
            levels.append((view(rows, wide - columns), view(high - rows, columns), view(high - rows, wide - columns)))
        return cls(flat, (all_rows, all_columns), low, tuple(reversed(levels)))
