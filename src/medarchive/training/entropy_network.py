"""The autoencoder's entropy network in torch, with the limits of its integers, and what coefficients cost by it."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medarchive.codecs.autoencoder import model
from medarchive.codecs.autoencoder.context import COUNTS, UNIT
from medarchive.codecs.autoencoder.decisions import ANY, BEYOND, CLASSES, NEGATIVE, UPPER
from medarchive.codecs.autoencoder.network import MOST_ACTIVE, MOST_WEIGHT, OUTPUTS, SHIFTS, Layer, Network

__all__ = ["EntropyNet", "bits", "exported", "widened"]

_ONE = 256
"""Of weights and activations."""
_MOST = MOST_ACTIVE / _ONE


class EntropyNet(nn.Module):
    """For each band and pass three layers of their own."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        first, second = widths
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.Linear(count, first), nn.Linear(first, second), nn.Linear(second, OUTPUTS)])
            for count in COUNTS
        )

    def forward(self, which: int, seen: torch.Tensor) -> torch.Tensor:
        """Logits of some sites of band and pass ``which``, (sites, OUTPUTS), from features in 1/16."""
        hidden, wider, last = self.layers[which]
        active = hidden(seen.float() / UNIT).clamp(0, _MOST)
        logits: torch.Tensor = last(wider(active).clamp(0, _MOST))
        return logits


def bits(logits: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The ideal code length of each coefficient, see ``codecs.autoencoder.decisions``.

    Args:
        logits: in nats, (sites, OUTPUTS).
        values: quantised coefficients, (sites,).
    """
    size = values.abs()
    some = (size > 0).float()
    cost = _bit(logits[:, ANY], some) + some * _bit(logits[:, NEGATIVE], (values < 0).float())
    number = torch.ceil(torch.log2(size.clamp_min(1).float()) - 1e-6)
    for step in range(CLASSES):
        asked = some * (number >= step).float()
        cost = cost + asked * _bit(logits[:, BEYOND + step], (number > step).float())
    inside = number.clamp_min(1)
    upper = (size - 1 - torch.pow(2.0, inside - 1) >= torch.pow(2.0, inside - 2)).float()
    cost = cost + (number == 2).float() * _bit(logits[:, UPPER], upper)
    cost = cost + (number > 2).float() * _bit(logits[:, UPPER + 1], upper)
    return cost + (number - 2).clamp_min(0)


def _bit(logit: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logit, answer, reduction="none") / np.log(2)


def widened(narrow: Mapping[str, torch.Tensor], net: EntropyNet) -> None:
    """Begin a wider net with what a narrower one has learned; the new units have no say yet (Chen et al., 2016)."""
    own = net.state_dict()
    for name, weights in narrow.items():
        if name.endswith("weight") and own[name].shape[1] > weights.shape[1]:
            own[name][:, weights.shape[1] :] = 0
        own[name][tuple(slice(0, length) for length in weights.shape)] = weights
    net.load_state_dict(own)


def exported(weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The model file of a net's state: all numbers rounded to those of its integers."""
    networks = []
    for which in range(len(COUNTS)):
        layers = []
        for place, (unit, shift) in enumerate(zip((UNIT, _ONE, _ONE), SHIFTS, strict=True)):
            matrix = np.rint(weights[f"layers.{which}.{place}.weight"] * _ONE)
            biases = np.rint(weights[f"layers.{which}.{place}.bias"] * _ONE * unit)
            assert shift == int(np.log2(unit * _ONE / (64 if place == 2 else _ONE)))
            clipped = np.clip(matrix, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int16)
            layers.append(Layer(clipped, biases.astype(np.int32)))
        networks.append(Network((layers[0], layers[1], layers[2])))
    return model.Model.write(networks, model.logistic())
