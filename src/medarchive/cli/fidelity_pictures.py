"""Pictures of the fidelity report: frames in a window, a map of differences with its scale, as PNG."""

import base64
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

__all__ = ["colour_scale", "difference_map", "fitted", "png"]

_MOST = 768
_SCALE = (240, 12)
_ENDS = ((33, 102, 172), (178, 24, 43))
"""Blue for less, red for more (ColorBrewer's RdBu)."""

Field = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def png(picture: NDArray[Any]) -> str:
    """A picture of 8 bits, grey or RGB, as the address that HTML wants it under."""
    data = imagecodecs.png_encode(np.ascontiguousarray(picture, np.uint8))
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def fitted(grey: Field) -> Bytes:
    """Grey of 0 to 255 in at most 768 rows and columns; a larger picture in means of as many pixels as it takes."""
    cut = _in_tiles(grey)
    return np.asarray(np.rint(cut.mean(axis=(1, 3)))).astype(np.uint8)


def difference_map(error: Field, reach: float) -> Bytes:
    """Errors as colour, from blue (``-reach`` and less) over white (none) to red (``reach`` and more).

    Of a larger picture the error that is farthest from none stands for those that share a pixel: none vanishes.
    """
    cut = _in_tiles(error)
    low, high = cut.min(axis=(1, 3)), cut.max(axis=(1, 3))
    return _coloured(np.where(-low > high, low, high), reach)


def colour_scale() -> Bytes:
    """The colours of ``difference_map`` from one end to the other, as a strip."""
    width, height = _SCALE
    return _coloured(np.tile(np.linspace(-1, 1, width, dtype=np.float32), (height, 1)), 1.0)


def _in_tiles(field: Field) -> Field:
    """Shape (rows, n, columns, n) with the smallest n that fits; what does not fill a tile is left out."""
    times = max(-(-max(field.shape) // _MOST), 1)
    times = min(times, *field.shape)
    rows, columns = (side // times for side in field.shape)
    return field[: rows * times, : columns * times].reshape(rows, times, columns, times)


def _coloured(error: Field, reach: float) -> Bytes:
    share = np.clip(error / max(reach, 1e-30), -1, 1)[..., None]
    less, more = (np.array(end, np.float32) for end in _ENDS)
    colour = 255 + np.where(share < 0, -share * (less - 255), share * (more - 255))
    return np.asarray(np.rint(colour)).astype(np.uint8)
