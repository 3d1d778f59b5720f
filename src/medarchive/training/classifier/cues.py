"""Cues: makes useless what a collection's display leaves in its pictures: grey curve, window, frame, marks, aspect."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medarchive.training.classifier.looks import coarsened, trimmed, within

__all__ = ["Cues"]

_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Cues:
    """How far a picture's look may be changed. Works on batches (n, 1, side, side) of 0 to 1.

    Attributes:
        turn: degrees, either way.
        zoom: largest factor, and its inverse the smallest.
        stretch: the same, of the height against the width.
        shift: share of the side.
        flip: chance of left for right.
        curve: how uneven the random rising curve of grey values is; 0 leaves them.
        equal: chance that the curve is bent towards the one that makes all grey values equally frequent.
        low: share of the grey scale that may be cut off below.
        high: the same, above.
        frame: share of the side that may be made black at each edge.
        marks: chance of a bright mark near an edge, as of a side letter.
        erased: chance that a square of up to a third of the side becomes grey.
        blur: chance of fewer pixels, down to a quarter of the side.
        noise: largest deviation.
        detail: largest factor, and its inverse the smallest, of what is finer than 4 pixels, and again of what is finer
            than 16.
    """

    turn: float = 12.0
    zoom: float = 1.2
    stretch: float = 1.12
    shift: float = 0.06
    flip: float = 0.5
    curve: float = 1.0
    equal: float = 0.3
    low: float = 0.15
    high: float = 0.3
    frame: float = 0.1
    marks: float = 0.5
    erased: float = 0.3
    blur: float = 0.4
    noise: float = 0.04
    detail: float = 1.0

    def changed(self, pictures: Tensor) -> Tensor:
        """Everything at once, drawn for each picture by torch's own generator."""
        x = self.erasing(self.marked(self.moved(pictures)))
        x = self.blurred(self.framed(self.detailed(self.curved(x))))
        return (x + torch.randn_like(x) * torch.rand(len(x), 1, 1, 1) * self.noise).clamp(0, 1)

    def moved(self, pictures: Tensor) -> Tensor:
        """Turned, zoomed, stretched, shifted and mirrored."""
        n = len(pictures)
        angle = within(n, self.turn) * math.pi / 180
        scale = torch.exp(within(n, math.log(self.zoom)))
        stretch = torch.exp(within(n, math.log(self.stretch)) / 2)
        sign = torch.where(torch.rand(n) < self.flip, -1.0, 1.0)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0] = scale * stretch * angle.cos() * sign
        theta[:, 0, 1] = -scale * stretch * angle.sin()
        theta[:, 1, 0] = scale / stretch * angle.sin() * sign
        theta[:, 1, 1] = scale / stretch * angle.cos()
        theta[:, :, 2] = 2 * torch.stack([within(n, self.shift), within(n, self.shift)], dim=1)
        grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures, grid, align_corners=False)

    def curved(self, pictures: Tensor) -> Tensor:
        """Grey values through a random rising curve, after a random window."""
        n = len(pictures)
        level = torch.linspace(0, 1, _LEVELS).expand(n, _LEVELS)
        low, high = torch.rand(n, 1) * self.low, 1 - torch.rand(n, 1) * self.high
        windowed = ((level - low) / (high - low)).clamp(0, 1)
        rise = torch.exp(self.curve * torch.randn(n, 8))
        knots = torch.cat([torch.zeros(n, 1), rise.cumsum(dim=1) / rise.sum(dim=1, keepdim=True)], dim=1)
        place = windowed * 8
        below = place.floor().clamp(max=7).long()
        start, end = knots.gather(1, below), knots.gather(1, below + 1)
        table = start + (end - start) * (place - below)
        number = (pictures * (_LEVELS - 1)).round().long().flatten(1)
        share = torch.where(torch.rand(n, 1) < self.equal, torch.rand(n, 1), torch.zeros(n, 1))
        table = table * (1 - share) + share * _equalising(number)
        return table.clamp(0, 1).gather(1, number).view_as(pictures)

    def detailed(self, pictures: Tensor) -> Tensor:
        """Fine structure stronger or weaker, at two scales: how sharp a device or a scan is."""
        for wide in (4, 16):
            factor = torch.exp(within(len(pictures), math.log(self.detail))).view(-1, 1, 1, 1)
            soft = functional.avg_pool2d(pictures, wide)
            soft = functional.interpolate(soft, size=tuple(pictures.shape[2:]), mode="bilinear")
            pictures = (soft + factor * (pictures - soft)).clamp(0, 1)
        return pictures

    def framed(self, pictures: Tensor) -> Tensor:
        """Edges black, each as wide as drawn; half of the pictures keep theirs."""
        return trimmed(pictures, self.frame, 0.5)

    def marked(self, pictures: Tensor) -> Tensor:
        """A bright mark of a few pixels near the left or the right edge."""
        n, _, side, _ = pictures.shape
        edge = torch.rand(n) * side * 0.15
        left = torch.where(torch.rand(n) < 0.5, edge, side - 1 - edge)
        inside = _boxes(side, torch.rand(n) * side, left, (0.01 + torch.rand(n) * 0.03) * side)
        inside &= (torch.rand(n) < self.marks)[:, None, None, None]
        bright = 0.6 + 0.4 * torch.rand(n, 1, 1, 1)
        return torch.where(inside, bright, pictures)

    def erasing(self, pictures: Tensor) -> Tensor:
        """A grey square anywhere."""
        n, _, side, _ = pictures.shape
        half = (0.05 + torch.rand(n) * 0.12) * side
        inside = _boxes(side, torch.rand(n) * side, torch.rand(n) * side, half)
        inside &= (torch.rand(n) < self.erased)[:, None, None, None]
        return torch.where(inside, torch.rand(n, 1, 1, 1) * 0.6, pictures)

    def blurred(self, pictures: Tensor) -> Tensor:
        """Some with fewer pixels, brought back to as many."""
        return coarsened(pictures, self.blur, pictures.shape[2] // 3)


def _equalising(number: Tensor) -> Tensor:
    """For each picture, the share of what is not black that is not brighter than each grey value: (n, 256)."""
    counts = torch.zeros(len(number), _LEVELS).scatter_add_(1, number, torch.ones_like(number, dtype=torch.float32))
    counts[:, :4] = 0
    summed = counts.cumsum(dim=1)
    return summed / summed[:, -1:].clamp(min=1)


def _boxes(side: int, row: Tensor, column: Tensor, half: Tensor) -> Tensor:
    at = torch.arange(side).float()
    rows = (at[None] - row[:, None]).abs() < half[:, None]
    columns = (at[None] - column[:, None]).abs() < half[:, None]
    return rows[:, None, :, None] & columns[:, None, None, :]
