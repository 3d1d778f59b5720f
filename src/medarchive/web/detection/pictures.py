"""Pictures for pages, as data URIs: what was read, and where the network looked. Nothing of them is kept."""

import base64

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import onto
from medarchive.view import View

__all__ = ["heat_uri", "picture_uri"]

_LONGEST = 1024
"""Pixels of a side; larger pictures are shown with every second, third, ... pixel."""


def picture_uri(view: View) -> str:
    """The picture as a display shows it."""
    return _uri(np.rint(255 * _thinned(view.shown())).astype(np.uint8))


def heat_uri(view: View, heat: NDArray[np.float32]) -> str:
    """The heat map of a picture, of the picture's size: yellow to red, and transparent where it is cold.

    Args:
        view: what was read.
        heat: shape (256, 256), 0 to 1, over the square that the picture was put in.
    """
    hot = np.clip(_thinned(onto(heat, *view.values.shape)), 0, 1)
    full = np.full_like(hot, 255)
    layers = (full, 255 * (1 - hot), np.zeros_like(hot), 255 * hot)
    return _uri(np.rint(np.stack(layers, axis=-1)).astype(np.uint8))


def _thinned(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    step = -(-max(picture.shape) // _LONGEST)
    return np.ascontiguousarray(picture[::step, ::step])


def _uri(pixels: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(imagecodecs.png_encode(pixels)).decode()
