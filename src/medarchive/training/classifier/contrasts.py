"""Contrasts: one MR picture as other sequences, scanners and displays might show it. For batches (n, 1, side, side)."""

import torch
from torch import Tensor
from torch.nn import functional

from medarchive.training.classifier.looks import chance, coarsened, trimmed

__all__ = ["contrasted"]

_INSIDE = 0.03
_KNOTS = 6


def contrasted(pictures: Tensor) -> Tensor:
    """Other grey values, shading, resolution, noise and margins, drawn for each picture.

    The foreground keeps a brightness that somebody would look at, and the noise stays below its contrast.

    Args:
        pictures: 0 to 1.
    """
    n, _, side, _ = pictures.shape
    inside = (pictures > _INSIDE).float()
    shading = functional.interpolate(torch.randn(n, 1, 3, 3), size=(side, side), mode="bicubic", align_corners=True)
    x = pictures * torch.exp(shading * _up_to(n, 0.35))
    x = (x / x.flatten(1).quantile(0.995, dim=1).view(n, 1, 1, 1).clamp(min=0.1)).clamp(0, 1)
    x = torch.where(chance(n, 0.15), inside * (1 - 0.9 * x), x)
    x = _curved(x)
    x = torch.where(chance(n, 0.5), _windowed(x), x)
    x = coarsened(x, 0.4, side * 3 // 8)
    deviation = (x.flatten(1).std(dim=1).view(n, 1, 1, 1)) * _up_to(n, 0.25)
    x = x + torch.randn_like(x) * deviation * torch.where(chance(n, 0.3), torch.ones(()), inside)
    return trimmed(x, 0.12, 0.2).clamp(0, 1)


def _curved(x: Tensor) -> Tensor:
    """Through a rising curve of straight pieces, then an exponent that leaves the mean of what is not black usual."""
    n = len(x)
    rises = torch.exp(0.5 * torch.randn(n, _KNOTS))
    rises = torch.cat([torch.zeros(n, 1), (rises / rises.sum(dim=1, keepdim=True)).cumsum(dim=1)], dim=1)
    place = (x.flatten(1) * _KNOTS).clamp(0, _KNOTS - 1e-4)
    below = place.long()
    start, end = rises.gather(1, below), rises.gather(1, below + 1)
    x = (start + (end - start) * (place - below)).view_as(x)
    inside = (x > _INSIDE).float()
    mean = (x * inside).flatten(1).sum(dim=1) / inside.flatten(1).sum(dim=1).clamp(min=1)
    wanted = torch.empty(n).uniform_(0.2, 0.6)
    exponent = (wanted.log() / mean.clamp(0.05, 0.95).log()).clamp(0.4, 2.5)
    return (x + 1e-5) ** exponent.view(n, 1, 1, 1)


def _windowed(x: Tensor) -> Tensor:
    n = len(x)
    low, high = _up_to(n, 0.15), 1 - _up_to(n, 0.3)
    return ((x - low) / (high - low)).clamp(0, 1)


def _up_to(n: int, bound: float) -> Tensor:
    return torch.rand(n, 1, 1, 1) * bound
