"""Squares: the arithmetic of the encoder's least squares, in the C kernel where it was built.

BLAS would take threads of its own beside those that encode. A table is float32 of shape (samples, 1 + terms): first
what is wanted, then the terms that shall make it.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive import linear
from medarchive.codecs.predictive.native import instruction_sets
from medarchive.codecs.predictive.planes import Geometry, Ints

try:
    from medarchive.codecs.predictive import _native
except ImportError:  # no compiler when the package was installed
    _native = None  # type: ignore[assignment]

__all__ = ["Floats", "missed", "normal", "table"]

Floats = NDArray[np.float32]


def table(geometry: Geometry, plane: Ints, before: Ints | None, places: Ints) -> Floats:
    """The table of the pixels at these places: what they are less those on their left, and ``linear.terms``."""
    if not instruction_sets():
        left, terms = linear.terms(geometry, plane, before, places)
        return np.column_stack([plane.reshape(-1)[places] - left, terms]).astype(np.float32)
    neighbours = [(-1, 0), *linear.AROUND, *(linear.ACROSS if before is not None else ())]
    offsets = np.array([geometry.offset(dx, dy) for dx, dy in neighbours], np.int32)
    found = np.empty((places.size, offsets.size), np.float32)
    places = np.ascontiguousarray(places, np.int32)
    _native.gather(instruction_sets()[0], plane, before, places, offsets, len(linear.AROUND), found)
    return found


def normal(table: Floats, weight: Floats, terms: int) -> NDArray[np.float64]:
    """The normal equations of the first terms, (1 + terms, 1 + terms): sums over samples of weight x[i] x[j]."""
    columns = 1 + terms
    if not instruction_sets():
        used = table[:, :columns]
        return ((used * weight[:, np.newaxis]).T @ used).astype(np.float64)
    found = np.empty((columns, columns), np.float64)
    _native.normal(instruction_sets()[0], *table.shape, columns, table, weight, found)
    return found


def missed(table: Floats, weights: Floats) -> Floats:
    """What is wanted of each sample, less what these weights make of its first terms."""
    if not instruction_sets():
        found: Floats = table[:, 0] - table[:, 1 : 1 + weights.size] @ weights
        return found
    found = np.empty(len(table), np.float32)
    _native.missed(instruction_sets()[0], *table.shape, 1 + weights.size, table, weights, found)
    return found
