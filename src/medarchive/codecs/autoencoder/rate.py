"""Rate: what a coefficient would cost as another one, and which of its neighbours on the way to 0 is the best bargain.

Rate-distortion optimised quantisation, one coefficient at a time: its context is taken as it is. The encoder's choice
alone; no decoder knows of it.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.decisions import ANY, BEYOND, CLASSES, LAST_CLASS, MOST_SIZE, NEGATIVE, UPPER
from medarchive.codecs.autoencoder.network import MOST_LOGIT

__all__ = ["bits", "chosen", "costs"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_WORTH_A_LOOK = 0.35
"""Smaller ones, in steps, stay 0."""


def costs(chances: NDArray[np.uint16]) -> Floats:
    """Bits of a no for each logit from -MOST_LOGIT on, from a model's chances; of a yes for its negative."""
    return np.log2(65536 / (65536 - chances.astype(np.float64))).astype(np.float32)


def bits(logits: Ints, sizes: Ints, negative: NDArray[np.bool_], table: Floats) -> Floats:
    """What coefficients cost.

    Args:
        logits: in 1/64 nat, shape (OUTPUTS, coefficients).
        sizes: absolute values.
        negative: whether each is below 0.
        table: see ``costs``.
    """

    def answer(index: int, yes: NDArray[np.bool_]) -> Floats:
        found: Floats = table[MOST_LOGIT + np.where(yes, -logits[index], logits[index])]
        return found

    some = sizes > 0
    cost = answer(ANY, some)
    cost = np.where(some, cost + answer(NEGATIVE, negative), cost)
    classes = np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int32)
    for number in range(min(LAST_CLASS, int(classes.max(initial=0)) + 1)):
        asked = some & (classes >= number)
        cost = np.where(asked, cost + answer(BEYOND + min(number, CLASSES - 1), classes > number), cost)
    half = 1 << np.maximum(classes - 2, 0)
    upper = sizes - 1 - 2 * half >= half
    plain = np.maximum(classes - 2, 0).astype(np.float32)
    for index, which in ((UPPER, classes == 2), (UPPER + 1, classes > 2)):
        cost = np.where(which, cost + (answer(index, upper) + plain), cost)
    return np.asarray(cost, np.float32)


def chosen(scaled: Floats, logits: Ints, table: Floats, price: float, inward: float) -> Ints:
    """The quantised coefficients of the least squared error plus price times bits.

    Args:
        scaled: coefficients in steps.
        logits: what is expected of each.
        table: see ``costs``.
        price: of a bit, in squared steps.
        inward: how far towards 0 values come back, in steps.
    """
    best = np.zeros(scaled.shape, np.int32)
    places = np.flatnonzero(np.abs(scaled) > np.float32(_WORTH_A_LOOK))
    size, negative = np.abs(scaled[places]), scaled[places] < 0
    here, dear, back = logits[:, places], np.float32(price), np.float32(inward)
    nearest = np.floor(np.minimum(size, np.float32(MOST_SIZE)) + np.float32(0.5)).astype(np.int32)
    found = np.zeros_like(nearest)
    least = size * size + dear * bits(here, found, negative, table)
    for candidate in (np.maximum(nearest - 1, 1), np.maximum(nearest, 1)):
        missed = size - candidate.astype(np.float32) + back
        cost = missed * missed + dear * bits(here, candidate, negative, table)
        found = np.where(cost < least, candidate, found)
        least = np.minimum(cost, least)
    best[places] = np.where(negative, -found, found)
    return best
