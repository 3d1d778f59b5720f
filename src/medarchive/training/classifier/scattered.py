"""Scattered: pictures as some other machine, window and display might have shown them; nothing but anatomy remains.

The collections differ in resolution, frame, grey of the background and contrast, and a router would learn those.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from medarchive.training.classifier.looks import chance, resampled, within

__all__ = ["scattered"]

_NARROW = 0.2
_REACH = {  # how small a part of the picture may fill the square, and how large a frame may be put round it
    "brain-mr": (0.65, 1.8),
    "brain-ct": (0.65, 1.8),
    "lung-ct": (0.75, 1.8),
    "lung-nodule": (0.75, 1.8),
    "chest-xray": (0.7, 1.6),
    "other": (0.6, 1.8),
}


def scattered(pictures: Tensor, anatomies: Sequence[str]) -> Tensor:
    """Each picture turned, scaled, stretched, framed, shaded, windowed, coarsened: (n, 1, s, s), 0 to 1.

    Args:
        pictures: (n, 1, s, s), 0 to 1.
        anatomies: of each; how much of a picture can be cut away differs.
    """
    moved = _moved(pictures, anatomies)
    return torch.where(chance(len(pictures), _NARROW), _narrowed(moved), _coarse(_grey(moved)))


def _narrowed(x: Tensor) -> Tensor:
    """Every other pixel, speckled; all that is not bright is of one grey, inside and outside alike."""
    n, _, side, _ = x.shape
    few = x[:, :, ::2, ::2]
    few = few / few.amax(dim=(2, 3), keepdim=True).clamp(min=0.05)
    few = few + torch.randn_like(few) * torch.where(chance(n, 0.4), torch.rand(n, 1, 1, 1) * 0.25, 0.0)
    low = torch.rand(n, 1, 1, 1) * 0.5
    few = ((few - low) / ((1 - low) * (1.1 - torch.rand(n, 1, 1, 1) * 0.6))).clamp(0, 1)
    ground = torch.where(chance(n, 0.7), torch.rand(n, 1, 1, 1) * 0.55, 0.0)
    return functional.interpolate(ground + (1 - ground) * few, size=(side, side), mode="bilinear")


def _moved(x: Tensor, anatomies: Sequence[str]) -> Tensor:
    n = len(x)
    ends = torch.tensor([[math.log(each) for each in _REACH[anatomy]] for anatomy in anatomies])
    scale = torch.exp(ends[:, 0] + (ends[:, 1] - ends[:, 0]) * torch.rand(n) ** 1.5)
    stretch = torch.exp(within(n, 0.2))
    angle = within(n, math.radians(20)) + (torch.rand(n) < 0.15) * torch.randint(1, 4, (n,)) * math.pi / 2
    across = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * stretch * angle.cos() * across
    theta[:, 0, 1] = -scale * angle.sin()
    theta[:, 1, 0] = scale * angle.sin() * across
    theta[:, 1, 1] = scale / stretch * angle.cos()
    theta[:, :, 2] = torch.stack([within(n, 0.12), within(n, 0.12)], dim=1)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    frame = torch.where(chance(n, 0.3), torch.rand(n, 1, 1, 1), 0.0)
    return functional.grid_sample(x - frame, grid, align_corners=False) + frame


def _grey(x: Tensor) -> Tensor:
    n, _, side, _ = x.shape
    shading = functional.interpolate(torch.randn(n, 1, 4, 4), size=(side, side), mode="bicubic")
    x = x * torch.exp(shading * 0.3 * torch.rand(n, 1, 1, 1))
    x = x / x.amax(dim=(2, 3), keepdim=True).clamp(min=0.05)
    low = torch.where(chance(n, 0.5), torch.rand(n, 1, 1, 1) * 0.3, 0.0)
    high = 1 - torch.where(chance(n, 0.5), torch.rand(n, 1, 1, 1) * 0.45, 0.0)
    x = ((x - low) / (high - low)).clamp(0, 1)
    x = (x + 1e-4) ** torch.exp(within(n, math.log(2.2)).view(n, 1, 1, 1))
    x = torch.where(chance(n, 0.12), 1 - x, x)
    lift = torch.where(chance(n, 0.3), torch.rand(n, 1, 1, 1) * 0.6, 0.0)
    return (lift + (1 - lift) * x).clamp(0, 1)


def _coarse(x: Tensor) -> Tensor:
    """As few as a quarter of the pixels in either direction, as for 64 x 64 pictures; then noise."""
    n, _, side, _ = x.shape
    x = x.clone()
    for part in torch.randperm(n)[: int(0.8 * n)].tensor_split(4):
        fewer = int(torch.randint(side // 4, side * 3 // 4, ()))
        x[part] = resampled(x[part], fewer)
    noise = torch.randn_like(x) * torch.where(chance(n, 0.5), torch.rand(n, 1, 1, 1) * 0.08, 0.0)
    return (x + noise).clamp(0, 1)
