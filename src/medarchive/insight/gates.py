"""Gates: what is no picture that could be read, and why."""

import numpy as np
from numpy.typing import NDArray

from medarchive.view import View, robust_range

__all__ = ["obstacle", "shown"]

_LEAST = 32
_LONGEST = 8
_FEWEST_GREYS = 4


def obstacle(view: View) -> str:
    """Why a view cannot be read, as a sentence; "" where it can."""
    rows, columns = view.values.shape if view.values.ndim == 2 else (0, 0)
    if min(rows, columns) < _LEAST:
        return f"{rows} x {columns} pixels: too small to be read, {_LEAST} a side is the least"
    if max(rows, columns) > _LONGEST * min(rows, columns):
        return f"{rows} x {columns} pixels: a strip, not a picture of a part of the body"
    if not np.isfinite(view.values).all():
        return "some pixels have no number for a value"
    counted = view.values.ravel() if view.valid is None else view.values[view.valid]
    return _emptiness(counted)


def _emptiness(counted: NDArray[np.float32]) -> str:
    """Why pixels that are no padding show nothing."""
    if not counted.size:
        return "all pixels are padding"
    if counted.min() == counted.max():
        return f"constant: all pixels have the value {counted[0]:g}"
    few = np.unique(counted[:: max(1, counted.size // 4096)])
    if len(few) < _FEWEST_GREYS and len(np.unique(counted)) < _FEWEST_GREYS:
        return "fewer than four different values: no picture of a part of the body"
    return ""


def shown(view: View, window: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """A view as a display shows it; where its window shows nothing, in one from its values."""
    grey = view.shown(window)
    if window is None and float(grey.max()) - float(grey.min()) < 0.02:
        low, high = robust_range(view.values if view.valid is None else view.values[view.valid])
        grey = view.shown(((low + high) / 2, max(high - low, 1e-6)))
    return grey
