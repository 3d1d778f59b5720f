"""Network: three layers of integers, from features to the location, spread and shape of a pixel's distribution.

Weights have 12 bits, activations 12 (0 to 4095), features 8: every sum stays below 2^31 for layers of up to 128,
whatever the weights are, and so below 2^53: a float64 product has every one of them exactly, in whatever order it
adds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.planes import Ints

__all__ = ["MOST_WEIGHT", "SHIFTS", "WIDEST", "Layer", "Network"]

MOST_WEIGHT = 2047
MOST_BIAS = 1 << 26
WIDEST = 128
SHIFTS = (4, 9)
"""By how many bits the sums of the two hidden layers are shifted to become activations."""
LAST_SHIFTS = (11, 14, 17)
"""And those of the last layer, to become a location, a spread and a shape."""
_MOST_ACTIVE = 4095


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights int16 (outputs, inputs), biases int32 (outputs)."""

    weights: NDArray[np.int16]
    biases: Ints

    def sums(self, inputs: Ints) -> Ints:
        """For inputs of shape (inputs, pixels); the last inputs may be missing."""
        weights = self.weights[:, : len(inputs)].astype(np.float64)
        return (weights @ inputs.astype(np.float64)).astype(np.int32) + self.biases[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Network:
    """First, second and last layer."""

    layers: tuple[Layer, Layer, Layer]

    def active(self, features: Ints) -> Ints:
        """Activations of the second hidden layer, 0 to 4095, shape (its width, pixels)."""
        active = features
        for layer, shift in zip(self.layers, SHIFTS, strict=False):
            active = np.clip((layer.sums(active) + (1 << (shift - 1))) >> shift, 0, _MOST_ACTIVE)
        return active

    @staticmethod
    def last(inputs: Ints, weights: Ints, biases: Ints) -> Ints:
        """The last layer, with weights of its own: location in 1/64 scales, spread in 1/8 octaves, number of the shape.

        Its inputs are the activations and, behind them, the features, times 16 so that 256 is one for all of them.
        """
        sums = (weights.astype(np.float64) @ inputs.astype(np.float64)).astype(np.int32) + biases[:, np.newaxis]
        return np.stack([(row + (1 << (shift - 1))) >> shift for row, shift in zip(sums, LAST_SHIFTS, strict=True)])
