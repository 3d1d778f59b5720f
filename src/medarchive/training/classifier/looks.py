"""Looks: what every way of changing a picture's look is made of. For batches (n, 1, side, side)."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["chance", "coarsened", "resampled", "trimmed", "within"]


def within(n: int, bound: float) -> Tensor:
    """Numbers (n,) from ``-bound`` to ``bound``."""
    return (torch.rand(n) * 2 - 1) * bound


def chance(n: int, share: float) -> Tensor:
    """Which pictures (n, 1, 1, 1) a change is for."""
    return torch.rand(n, 1, 1, 1) < share


def resampled(pictures: Tensor, fewer: int) -> Tensor:
    """Pictures with fewer pixels a side, brought back to as many."""
    small = functional.interpolate(pictures, size=(fewer, fewer), mode="bilinear", antialias=True)
    return functional.interpolate(small, size=tuple(pictures.shape[2:]), mode="bilinear")


def coarsened(pictures: Tensor, share: float, least: int) -> Tensor:
    """Some pictures resampled, all of a batch by as much, drawn from ``least`` pixels a side."""
    chosen = torch.rand(len(pictures)) < share
    if not chosen.any():
        return pictures
    out = pictures.clone()
    out[chosen] = resampled(pictures[chosen], int(torch.randint(least, pictures.shape[2], ())))
    return out


def trimmed(pictures: Tensor, widest: float, share: float) -> Tensor:
    """Some pictures black at the edges, each edge as wide as drawn, up to a share of the side."""
    n, _, side, _ = pictures.shape
    wide = torch.rand(n, 4, 1) * widest * side * (torch.rand(n, 1, 1) < share)
    at = torch.arange(side).expand(n, side)
    rows = (at >= wide[:, 0]) & (at < side - wide[:, 1])
    columns = (at >= wide[:, 2]) & (at < side - wide[:, 3])
    return pictures * (rows[:, None, :, None] & columns[:, None, None, :])
