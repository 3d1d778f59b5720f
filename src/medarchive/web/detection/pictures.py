"""Pictures for pages: what was read, and where the network looked, as PNG."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import onto
from medarchive.view import View

__all__ = ["heat_png", "picture_png"]

_LONGEST = 1024
"""Pixels of a side; larger pictures are shown with every second, third, ... pixel."""


def picture_png(view: View) -> bytes:
    """The picture as a display shows it."""
    return _png(255 * _thinned(view.shown()))


def heat_png(view: View, heat: NDArray[np.float32]) -> bytes:
    """The heat map of a picture, of the picture's size: yellow to red, and transparent where it is cold.

    Args:
        view: what was read.
        heat: shape (256, 256), 0 to 1, over the square that the picture was put in.
    """
    hot = np.clip(_thinned(onto(heat, *view.values.shape)), 0, 1)
    full = np.full_like(hot, 255)
    return _png(np.stack((full, 255 * (1 - hot), np.zeros_like(hot), 255 * hot), axis=-1))


def _thinned(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    step = -(-max(picture.shape) // _LONGEST)
    return np.ascontiguousarray(picture[::step, ::step])


def _png(values: NDArray[np.float32]) -> bytes:
    return bytes(imagecodecs.png_encode(np.rint(values).astype(np.uint8)))
