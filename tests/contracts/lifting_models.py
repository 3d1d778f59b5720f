"""Models of learned transforms as tests want them: of random weights."""

import numpy as np

from medarchive.codecs.autoencoder.lifting_model import (
    AROUND,
    LEVELS,
    PREDICTED,
    REFINED,
    SEEN,
    LevelNetworks,
    LiftingModel,
)
from medarchive.codecs.autoencoder.network import Layer

__all__ = ["model"]


def model(width: int = 8, largest: int = 200, *, predict: bool = True, refine: bool = True) -> LiftingModel:
    """A model with weights of up to ``largest`` either way."""
    random = np.random.default_rng(width + largest)

    def layer(outputs: int, inputs: int) -> Layer:
        weights = random.integers(-largest, largest + 1, (outputs, inputs)).astype(np.int16)
        return Layer(weights, random.integers(-(1 << 16), 1 << 16, outputs).astype(np.int32))

    def level() -> LevelNetworks:
        predicting = layer(width, AROUND), layer(width, 9 * width), layer(PREDICTED, width)
        refining = layer(width, SEEN), layer(width, 9 * width), layer(width, 9 * width), layer(REFINED, width)
        return LevelNetworks(predicting if predict else (), refining if refine else ())

    return LiftingModel.read(LiftingModel.write([level() for _ in range(LEVELS)]))
