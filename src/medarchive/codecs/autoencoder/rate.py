"""Rate: what a coefficient would cost as another one, and which of its neighbours on the way to 0 is the best bargain.

Rate-distortion optimised quantisation, one coefficient at a time: its context is taken as it is. The encoder's choice
alone; no decoder knows of it.
"""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.decisions import ANY, BEYOND, CLASSES, NEGATIVE, UPPER

__all__ = ["bits", "chosen"]

Floats = NDArray[np.float32]
_NAT = np.float32(1 / 64)
_TO_BITS = np.float32(1 / np.log(2))
_WORTH_A_LOOK = 0.35
"""Smaller ones, in steps, stay 0."""


def bits(logits: NDArray[np.int32], sizes: NDArray[np.int32], negative: NDArray[np.bool_]) -> Floats:
    """What coefficients cost.

    Args:
        logits: in 1/64 nat, shape (OUTPUTS, coefficients).
        sizes: absolute values.
        negative: whether each is below 0.
    """
    nats = logits.astype(np.float32) * _NAT

    def no(index: int) -> Floats:
        return np.asarray(np.logaddexp(np.float32(0), nats[index]), np.float32)

    def yes(index: int) -> Floats:
        return np.asarray(np.logaddexp(np.float32(0), -nats[index]), np.float32)

    some = sizes > 0
    cost = np.where(some, yes(ANY) + np.where(negative, yes(NEGATIVE), no(NEGATIVE)), no(ANY))
    classes = np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int32)
    for number in range(min(CLASSES, int(classes.max(initial=0)) + 1)):
        asked = some & (classes >= number)
        cost += np.where(asked, np.where(classes > number, yes(BEYOND + number), no(BEYOND + number)), 0)
    inside = classes > 1
    if inside.any():
        half = np.where(inside, 1 << np.maximum(classes - 2, 0), 0)
        upper = sizes - 1 - 2 * half >= half
        for index, which in ((UPPER, classes == 2), (UPPER + 1, classes > 2)):
            cost += np.where(which, np.where(upper, yes(index), no(index)), 0)
    return np.asarray(cost * _TO_BITS + np.maximum(classes - 2, 0), np.float32)


def chosen(scaled: Floats, logits: NDArray[np.int32], price: float, inward: float = 0.05) -> NDArray[np.int32]:
    """The quantised coefficients of the least squared error plus price times bits.

    Args:
        scaled: coefficients in steps.
        logits: what is expected of each.
        price: of a bit, in squared steps.
        inward: how far towards 0 values come back, in steps.
    """
    best = np.zeros(scaled.shape, np.int32)
    places = np.flatnonzero(np.abs(scaled) > _WORTH_A_LOOK)
    size, negative = np.abs(scaled[places]), scaled[places] < 0
    here = logits[:, places]
    nearest = np.floor(size + 0.5).astype(np.int32)
    zero = np.zeros_like(nearest)
    least, found = size * size + price * bits(here, zero, negative), zero
    for candidate in (np.maximum(nearest, 1), np.maximum(nearest - 1, 1)):
        missed = size - candidate + inward
        cost = missed * missed + price * bits(here, candidate, negative)
        found = np.where(cost < least, candidate, found)
        least = np.minimum(cost, least)
    best[places] = np.where(negative, -found, found)
    return best
