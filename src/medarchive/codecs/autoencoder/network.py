"""Network: three layers of integers for each band and pass, from features to the logits of a coefficient's decisions.

Weights are in 1/256 and have 12 bits, activations are in 1/256 and run from 0 to 2047, features in 1/16 up to 128:
every sum stays below 2^30 for up to 256 features and layers of up to 128, whatever the weights are, and so below 2^53:
a float64 product has every one of them exactly, in whatever order it adds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_ACTIVE", "MOST_BIAS", "MOST_LOGIT", "MOST_WEIGHT", "OUTPUTS", "SHIFTS", "WIDEST", "Layer", "Network"]

Ints = NDArray[np.int32]

MOST_WEIGHT = 2047
MOST_BIAS = 1 << 26
MOST_ACTIVE = 2047
WIDEST = 128
SHIFTS = (4, 8, 10)
"""By how many bits the sums of the three layers are shifted."""
MOST_LOGIT = 767
OUTPUTS = 16


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights int16 (outputs, inputs), biases int32 (outputs)."""

    weights: NDArray[np.int16]
    biases: Ints

    def shifted(self, inputs: Ints, shift: int) -> Ints:
        """For inputs of shape (inputs, sites), rounded."""
        sums = (self.weights.astype(np.float64) @ inputs.astype(np.float64)).astype(np.int32)
        return (sums + self.biases[:, np.newaxis] + (1 << (shift - 1))) >> shift


@dataclass(frozen=True, slots=True)
class Network:
    """First, second and last layer of one band and pass."""

    layers: tuple[Layer, Layer, Layer]

    def logits(self, features: Ints) -> Ints:
        """What is expected of sites, in 1/64 nat, shape (OUTPUTS, sites), from features of shape (features, sites)."""
        first, second, last = self.layers
        active = np.clip(first.shifted(features, SHIFTS[0]), 0, MOST_ACTIVE)
        active = np.clip(second.shifted(active, SHIFTS[1]), 0, MOST_ACTIVE)
        return np.clip(last.shifted(active, SHIFTS[2]), -MOST_LOGIT, MOST_LOGIT)
