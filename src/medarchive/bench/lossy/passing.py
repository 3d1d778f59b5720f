"""Passing: the fewest bytes with which a codec keeps what a fidelity profile asks for."""

from collections.abc import Callable

import numpy as np

from medarchive.bench.lossy.contenders import Lossy
from medarchive.bench.lossy.display import Display
from medarchive.bench.lossy.measuring import Curve, point_of
from medarchive.image import Image

__all__ = ["passing"]

_CLOSE = 1.005
"""Once the sizes of a passing and a failing setting are this near each other, the search ends."""
_TRIES, _COARSE = 24, 12


def passing(contender: Lossy, image: Image, display: Display, accepted: Callable[[Image], bool]) -> Curve:
    """A curve of one point: the lowest setting found that passes; none where no setting that is tried does.

    Halving takes it that whatever is above a passing setting passes. Where that does not hold, what is returned passes
    still, and something smaller may.

    Args:
        contender: whose knob is turned.
        image: one frame.
        display: the window that MS-SSIM looks through.
        accepted: whether a decoded frame passes.
    """
    name, ours = contender.name, contender.ours
    if not contender.takes(image):
        return Curve(name, ours, (), "does not take such images")
    try:
        found = _lowest(contender, image, accepted)
        if found is None:
            return Curve(name, ours, (), "passes at no setting")
        return Curve(name, ours, (point_of(contender, image, display, *found),))
    except Exception as error:  # noqa: BLE001  # a codec may raise anything; the result says what
        return Curve(name, ours, (), f"{type(error).__name__}: {error}", failed=True)


def _lowest(contender: Lossy, image: Image, accepted: Callable[[Image], bool]) -> tuple[float, bytes] | None:
    """A setting and its stream. Where the highest does not pass, settings below are tried until one does."""

    def tried(setting: float) -> tuple[bytes, bool]:
        data = contender.encode(image, setting)
        return data, accepted(contender.decode(data, image))

    low, high = contender.span
    for setting in contender.steps or np.linspace(high, low, _COARSE).tolist():
        best, passed = tried(setting)
        if passed:
            high = setting
            break
    else:
        return None
    if high == low:
        return high, best
    worst, passed = tried(low)
    if passed:
        return low, worst
    for _ in range(_TRIES):
        middle = (low + high) / 2
        if contender.steps:
            middle = float(int(middle))  # bounds are whole numbers
        if middle in (low, high) or (not contender.steps and len(best) <= _CLOSE * len(worst)):
            break
        data, passed = tried(middle)
        if passed:
            high, best = middle, data
        else:
            low, worst = middle, data
    return high, best
