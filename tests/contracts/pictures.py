"""Pictures for codecs that lose: with what is in a slice, edges, even areas and noise."""

import numpy as np
from numpy.typing import NDArray

from medarchive.image import Image


def slice_like(rows: int, columns: int, seed: int = 0) -> NDArray[np.uint16]:
    """Something like a slice of a body: discs within a disc, edges and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns]).reshape(2, 1, 1) - 0.5
    values = np.where(x * x + y * y < 0.2, 1100.0, 40.0)
    for _ in range(12):
        at_y, at_x, size = *random.uniform(-0.3, 0.3, 2), random.uniform(0.02, 0.15)
        values[(x - at_x) ** 2 + (y - at_y) ** 2 < size * size] += random.uniform(-300, 300)
    noisy: NDArray[np.float64] = values + 60 * x + random.normal(0, 12, values.shape)
    return np.clip(noisy, 0, 4095).astype(np.uint16)


def framed(pixels: NDArray[np.integer], bits: int) -> Image:
    """An image of one frame and one sample."""
    return Image(pixels[np.newaxis, ..., np.newaxis], bits)
