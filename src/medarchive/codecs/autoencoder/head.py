"""Head: what is said of a plane's coefficients before they come: the low band, and how much there is in each band."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.context import activity
from medarchive.codecs.autoencoder.decisions import Decisions
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.rans import Decoder
from medarchive.errors import CorruptStream

__all__ = ["MOST_ACTIVITY", "activities", "put", "take"]

Ints = NDArray[np.int32]
Quantised = Pyramid[np.int32]

MOST_ACTIVITY = 63
_WIDTH_BITS = 5
_RICE = 1
_MOST_LOW = (1 << 30) - 1


def activities(pyramid: Quantised) -> Ints:
    """Those of all bands, int32 of shape (levels, 3)."""
    return np.array([[activity(band) for band in level] for level in pyramid.levels], np.int32).reshape(-1, 3)


def put(decisions: Decisions, pyramid: Quantised) -> Ints:
    """Say it; returns the activities of all bands, int32 of shape (levels, 3)."""
    steps = np.diff(pyramid.low.reshape(-1), prepend=0).tolist()
    width = max(map(abs, steps)).bit_length()
    decisions.number(width, _WIDTH_BITS)
    for step in steps:
        decisions.number(abs(step), width)
        if step:
            decisions.add(step < 0)
    found = activities(pyramid)
    for level, band in _order(len(found)):
        step = int(found[level, band]) - _expected(found, level, band)
        folded = 2 * step if step >= 0 else -2 * step - 1
        for _ in range(folded >> _RICE):
            decisions.add(answer=True)
        decisions.add(answer=False)
        decisions.number(folded & (1 << _RICE) - 1, _RICE)
    return found


def take(decoder: Decoder, pyramid: Quantised) -> Ints:
    """Read what ``put`` said: the low band goes into the pyramid.

    Raises:
        CorruptStream: no plane has such a head.
    """
    width = decoder.number(_WIDTH_BITS)
    last = 0
    for index in range(pyramid.low.size):
        step = decoder.number(width)
        last += -step if step and decoder.take() else step
        if abs(last) > _MOST_LOW:
            raise CorruptStream("a band beyond all bounds")
        pyramid.low.flat[index] = last
    found = np.zeros((len(pyramid.levels), 3), np.int32)
    for level, band in _order(len(found)):
        folded = 0
        while decoder.take():
            folded += 1 << _RICE
            if folded > 2 * MOST_ACTIVITY + 1:
                raise CorruptStream("a band beyond all bounds")
        folded += decoder.number(_RICE)
        step = folded >> 1 if folded % 2 == 0 else -(folded + 1 >> 1)
        found[level, band] = _expected(found, level, band) + step
        if not 0 <= found[level, band] <= MOST_ACTIVITY:
            raise CorruptStream("a band beyond all bounds")
    return found


def _order(levels: int) -> list[tuple[int, int]]:
    return [(level, band) for level in range(levels - 1, -1, -1) for band in range(3)]


def _expected(activities: Ints, level: int, band: int) -> int:
    """What a band's activity is taken to be before it is known: that of the band before, or of the parent."""
    if band:
        return int(activities[level, 0])
    return int(activities[level + 1, 0]) if level + 1 < len(activities) else MOST_ACTIVITY // 2
