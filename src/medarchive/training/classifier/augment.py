"""Augment: makes what says nothing about the finding useless: place, size, contrast, window, resolution, noise."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medarchive.training.classifier.looks import coarsened, within

__all__ = ["Augment"]


@dataclass(frozen=True, slots=True)
class Augment:
    """How far a picture may be changed. Works on batches (n, 1, 256, 256) of 0 to 1.

    Attributes:
        turn: degrees, either way.
        zoom: largest factor, and its inverse the smallest.
        shift: share of the side.
        flip: chance of left for right.
        invert: chance of white for black inside the foreground.
        gamma: largest exponent, and its inverse the smallest.
        window: share of the grey scale that a random window may cut off at either end.
        blur: chance of fewer pixels, down to a quarter of the side.
        noise: largest deviation.
        bias: depth of a smooth shading.
    """

    turn: float = 15.0
    zoom: float = 1.2
    shift: float = 0.06
    flip: float = 0.5
    invert: float = 0.0
    gamma: float = 1.8
    window: float = 0.25
    blur: float = 0.5
    noise: float = 0.05
    bias: float = 0.3

    def moved(self, pictures: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """The same turn, zoom, shift and flip for pictures and what lies over them, one for each of the batch."""
        n = len(pictures)
        angle = within(n, self.turn) * math.pi / 180
        scale = torch.exp(within(n, math.log(self.zoom)))
        sign = torch.where(torch.rand(n) < self.flip, -1.0, 1.0)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0] = scale * angle.cos() * sign
        theta[:, 0, 1] = -scale * angle.sin()
        theta[:, 1, 0] = scale * angle.sin() * sign
        theta[:, 1, 1] = scale * angle.cos()
        theta[:, :, 2] = 2 * torch.stack([within(n, self.shift), within(n, self.shift)], dim=1)
        grid = functional.affine_grid(theta, [n, 1, *pictures.shape[2:]], align_corners=False)
        return tuple(functional.grid_sample(each, grid, align_corners=False) for each in (pictures, *others))

    def shaded(self, pictures: Tensor) -> Tensor:
        """Contrast, window, shading, resolution and noise changed at random, for each of the batch."""
        n, _, side, _ = pictures.shape
        inside = (pictures > 0.02).float()
        x = pictures * torch.exp(_smooth(n, side) * self.bias)
        x = x / x.amax(dim=(2, 3), keepdim=True).clamp(min=0.05)
        low = torch.rand(n, 1, 1, 1) * self.window
        high = 1 - torch.rand(n, 1, 1, 1) * self.window
        x = ((x - low) / (high - low)).clamp(0, 1)
        x = (x + 1e-4) ** torch.exp(within(n, math.log(self.gamma)).view(n, 1, 1, 1))
        x = torch.where(torch.rand(n, 1, 1, 1) < self.invert, inside * (1 - 0.95 * x), x)
        x = coarsened(x, self.blur, side // 4)
        return (x + torch.randn_like(x) * torch.rand(n, 1, 1, 1) * self.noise * inside).clamp(0, 1)


def _smooth(n: int, side: int) -> Tensor:
    return functional.interpolate(torch.randn(n, 1, 4, 4), size=(side, side), mode="bicubic")
