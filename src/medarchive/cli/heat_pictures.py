"""Heat maps as pictures: what a reader saw, and over it where it looked."""

from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import onto
from medarchive.view import View

__all__ = ["write_heat"]

_OPAQUE = 0.6
"""How much of the picture the hottest place hides."""


def write_heat(path: Path, view: View, heat: NDArray[np.float32]) -> None:
    """Write a PNG of the picture's own size.

    Args:
        path: the file; one that is there is replaced.
        view: what was read.
        heat: shape (256, 256), 0 to 1, over the square that the picture was put in.
    """
    shown = view.shown()[..., None]
    hot = np.clip(onto(heat, *view.values.shape), 0, 1)[..., None]
    colour = np.concatenate([np.ones_like(hot), 1 - hot, np.zeros_like(hot)], axis=2)  # yellow to red
    mixed = (1 - _OPAQUE * hot) * shown + _OPAQUE * hot * colour
    path.write_bytes(imagecodecs.png_encode(np.rint(255 * mixed).astype(np.uint8)))
