"""Entropy: the autoencoder's entropy network in torch, with the arithmetic of its integers, and what it costs."""

import torch
from torch import nn

from medarchive.codecs.autoencoder.context import COUNTS, UNIT

__all__ = ["OUTPUTS", "EntropyNet", "bits"]

OUTPUTS = 16
CLASSES = 12
WIDTHS = (64, 32)
_MOST = 2047 / 256


class EntropyNet(nn.Module):
    """For each band and pass three layers of their own."""

    def __init__(self, widths: tuple[int, int] = WIDTHS) -> None:
        super().__init__()
        first, second = widths
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.Linear(count, first), nn.Linear(first, second), nn.Linear(second, OUTPUTS)])
            for count in COUNTS
        )

    def forward(self, which: int, seen: torch.Tensor) -> torch.Tensor:
        """Logits of some sites, (sites, OUTPUTS), from features in 1/16."""
        first, second, last = self.layers[which]
        hidden = first(seen.float() / UNIT).clamp(0, _MOST)
        hidden = second(hidden).clamp(0, _MOST)
        return last(hidden)


def bits(logits: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Bits that values cost: zero or not, sign, class by class, first bit within the class; the others cost one each."""
    size = values.abs()
    some = (size > 0).float()
    cost = _bit(logits[:, 0], some) + some * _bit(logits[:, 1], (values < 0).float())
    number = torch.ceil(torch.log2(size.clamp_min(1).float()) - 1e-6)
    for step in range(CLASSES):
        asked = some * (number >= step).float()
        cost = cost + asked * _bit(logits[:, 2 + step], (number > step).float())
    inside = number.clamp_min(1)
    low = size - 1 - torch.pow(2.0, inside - 1)
    half = (low >= torch.pow(2.0, inside - 2)).float()
    cost = cost + (number == 2).float() * _bit(logits[:, 14], half)
    cost = cost + (number > 2).float() * _bit(logits[:, 15], half)
    return cost + (number - 2).clamp_min(0)


def _bit(logit: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logit, target, reduction="none") * 1.4426950408889634
