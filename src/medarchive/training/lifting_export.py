"""The learned transform's model file from the weights of its net: all numbers rounded to those of its integers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.lifting_model import LEVELS, LevelNetworks, LiftingModel
from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_WEIGHT, Layer

__all__ = ["exported"]

_ONE = 1024
_INPUT, _ACTIVE = 16, 256
Floats = NDArray[np.float32]


def exported(weights: Mapping[str, Floats]) -> bytes:
    """The file of a state of ``lifting_net.Transform``."""
    levels = []
    for level in range(LEVELS):
        predict, refine = (_under(weights, f"{name}.{level}.") for name in ("predict", "refine"))
        levels.append(LevelNetworks(_predicting(predict) if predict else (), _refining(refine) if refine else ()))
    return LiftingModel.write(levels)


def _under(weights: Mapping[str, Floats], prefix: str) -> dict[str, Floats]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _predicting(of: Mapping[str, Floats]) -> tuple[Layer, ...]:
    first = _layer(of["around.weight"], of["first_bias"], _INPUT)
    return (first, *(_layer(of[f"{name}.weight"], of[f"{name}.bias"], _ACTIVE) for name in ("second", "last")))


def _refining(of: Mapping[str, Floats]) -> tuple[Layer, ...]:
    seen = [of[f"{name}.weight"].reshape(len(of["beside.bias"]), -1) for name in ("around", "beside", "coded")]
    first = _layer(np.concatenate(seen, axis=1), of["beside.bias"] + of["coded.bias"], _INPUT)
    further = ("second", "third", "last")
    return (first, *(_layer(of[f"{name}.weight"], of[f"{name}.bias"], _ACTIVE) for name in further))


def _layer(weights: Floats, biases: Floats, unit: int) -> Layer:
    matrix = np.clip(np.rint(weights.reshape(len(weights), -1) * _ONE), -MOST_WEIGHT, MOST_WEIGHT)
    limited = np.clip(np.rint(biases.astype(np.float64) * _ONE * unit), -MOST_BIAS, MOST_BIAS)
    return Layer(matrix.astype(np.int16), limited.astype(np.int32))
