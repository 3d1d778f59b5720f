"""Adaptation: the last layer follows the image. After each step of the wavefront its weights move a little downhill.

Both sides do the same with what both know, so nothing is sent. Gradients, rates and weights are integers: of the
location, the distribution function at the residual; of the spread, the difference in cost between a narrower and a
wider one.
"""

import numpy as np

from medarchive.codecs.predictive.distribution import (
    CENTRE,
    LEAST_SPREAD,
    MOST_SPREAD,
    SPAN,
    STEEP,
    Parameters,
)
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.network import MOST_WEIGHT
from medarchive.codecs.predictive.planes import Ints

__all__ = ["Adaptation"]

FINE = 16
"""Bits that an adapted weight has behind those of a model's weight; an adapted bias has eight."""
ONE = 256
"""The activation that a bias belongs to."""
_MOST = MOST_WEIGHT << FINE
_STEEPEST = 1024
_ASIDE = 2
_LOGARITHMS = np.array([round(64 * np.log2(1 + (i + 0.5) / 64)) for i in range(64)], np.int32)


class Adaptation:
    """The last layer while a tile is coded.

    Attributes:
        fine: int32 of shape (3, inputs + 1), weights and, last, the bias, with FINE bits behind the model's own.
    """

    def __init__(self, model: Model, fine: Ints | None = None) -> None:
        """Begin with a model's last layer, or where another tile ended."""
        self._model = model
        if fine is None:
            last = model.network.layers[2]
            biases = last.biases[:, np.newaxis].astype(np.int64) << (FINE - 8)
            fine = np.hstack([last.weights.astype(np.int64) << FINE, biases])
            fine = np.clip(fine, -_MOST, _MOST).astype(np.int32)
        self.fine = fine.copy()

    def outputs(self, inputs: Ints) -> Ints:
        """See Network.last; the features of a tile before may be missing behind the others."""
        return self._model.network.last(inputs, self.fine[:, : len(inputs)] >> FINE, self.fine[:, -1] >> (FINE - 8))

    def learn(self, inputs: Ints, spread: Ints, scale: Ints, values: Ints, found: Parameters, highest: int) -> None:
        """Take in the pixels of a step.

        Args:
            inputs: of the last layer, shape (inputs, pixels).
            spread: the network's second output, clipped.
            scale: k.
            values: what they turned out to be.
            found: their distributions.
            highest: the largest value of the image.
        """
        missed = 16 * values - found.centre
        share = 2 * self._table(found.shape, missed, found.steep, found.shift) - 65535
        octave = spread >> 3
        pull = np.where(octave < 0, (share >> 8) << np.maximum(-octave, 0), (share >> 8) >> np.maximum(octave, 0))
        pull = np.clip(pull, -_STEEPEST, _STEEPEST)
        low_bits = np.maximum(0, found.shift - 5)
        half = (1 << low_bits) >> 1
        middle = (found.centre + 8) >> 4
        number = (values - middle + half) >> low_bits
        lower = (number << (low_bits + 4)) - 16 * half - 8 - (found.centre - 16 * middle)
        upper = lower + (16 << low_bits)
        costs = []
        for aside in (-_ASIDE, _ASIDE):
            other = np.clip(spread + aside, LEAST_SPREAD, MOST_SPREAD)
            steep, shift = STEEP[scale & 3, other & 7], (scale >> 2) + (other >> 3)
            above = np.where(values == highest, 65535, self._table(found.shape, upper, steep, shift))
            under = np.where(values == 0, 0, self._table(found.shape, lower, steep, shift))
            costs.append(-_logarithm(np.maximum(above - under, 0) + 1))
        widen = np.clip(5 * (costs[0] - costs[1]), -_STEEPEST // 2, _STEEPEST)
        used = np.r_[: len(inputs), -1]
        inputs = np.vstack([inputs, np.full((1, inputs.shape[1]), ONE, np.int32)])
        sums = (np.stack([pull, widen]).astype(np.int64) @ inputs.T.astype(np.int64)).astype(np.int32)
        rates = self._model.rates[:, used]
        moved = (sums + (1 << (rates - 1))) >> rates
        self.fine[:2, used] = np.clip(self.fine[:2, used] + moved, -_MOST, _MOST)

    def _table(self, shape: Ints, sixteenths: Ints, steep: Ints, shift: Ints) -> Ints:
        index = np.clip(((sixteenths * steep) >> (5 + shift)) + CENTRE, 0, SPAN - 1)
        found: Ints = self._model.tables[shape, index].astype(np.int32)
        return found


def _logarithm(count: Ints) -> Ints:
    """64 times the binary logarithm of numbers from 1 to 65,536."""
    exponent = (count.astype(np.float32).view(np.int32) >> 23) - 127
    logarithm: Ints = 64 * exponent + _LOGARITHMS[((count << 6) >> exponent) - 64]
    return logarithm
