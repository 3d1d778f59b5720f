"""Picture: the square of 256 x 256 in which every network sees an image, and the way back from it."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "onto", "square"]

SIDE = 256
"""Rows and columns of what a network sees."""


def square(shown: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image as a display shows it, in the middle of a black square of 256 x 256.

    The longer side fills the square. What is larger is averaged over areas, what is smaller interpolated.

    Args:
        shown: (rows, columns), 0 (black) to 1 (white).
    """
    rows, columns = shown.shape
    longer = max(rows, columns)
    height, width = (max(1, round(SIDE * side / longer)) for side in (rows, columns))
    out = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    out[top : top + height, left : left + width] = _resized(shown, height, width)
    return out


def onto(heat: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """A map over the square, brought back onto the image that ``square`` put there.

    Args:
        heat: (256, 256).
        rows: of the image.
        columns: of the image.

    Returns:
        (rows, columns), float32.
    """
    longer = max(rows, columns)
    height, width = (max(1, round(SIDE * side / longer)) for side in (rows, columns))
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    return _resized(heat[top : top + height, left : left + width], rows, columns)


def _resized(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    if values.shape == (rows, columns):
        return np.ascontiguousarray(values, np.float32)
    by_rows = _weights(values.shape[0], rows) @ np.ascontiguousarray(values, np.float32)
    return np.ascontiguousarray(by_rows @ _weights(values.shape[1], columns).T, np.float32)


@lru_cache(maxsize=64)
def _weights(old: int, new: int) -> NDArray[np.float32]:
    """Triangles as wide as a new sample, or as an old one where that is wider: (new, old), rows that sum to 1."""
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale - 0.5
    distance = np.abs(np.arange(old)[None, :] - centres) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights, np.float32)
