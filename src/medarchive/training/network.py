"""The predictive codec's network in torch: what the integers of codecs/predictive/network.py do, with gradients.

Weights and activations are rounded in the forward pass and pass gradients as if they were not, so that what is
exported is what was trained.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medarchive.codecs.predictive.distribution import SHAPES

__all__ = ["Net", "bits"]


def rounded(value: Tensor) -> Tensor:
    """Rounding, straight through for gradients."""
    return value + (value.round() - value).detach()


class Layer(nn.Module):
    """A layer with weights in steps of 1/unit, at most 2047 of them."""

    def __init__(self, inputs: int, outputs: int, unit: int) -> None:
        super().__init__()
        self.unit = unit
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * math.sqrt(2 / inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight = rounded((self.weight * self.unit).clamp(-2047, 2047)) / self.unit
        return nn.functional.linear(x, weight, self.bias)


class Net(nn.Module):
    """Features to the location, scale and shape of a pixel's distribution."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.first = Layer(inputs, widths[0], 256)
        self.second = Layer(widths[0], widths[1], 512)
        self.last = Layer(widths[1] + inputs, 3, 512)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.weight[:, widths[1] :] = 0
            self.last.bias[1] = -1.0

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Location in scales, log2 of the scale, shape (0 to 3); features in sixteenths."""
        seen = features.float() / 16
        hidden = rounded(self.first(seen).clamp(0, 15.99) * 256) / 256
        hidden = rounded(self.second(hidden).clamp(0, 15.99) * 256) / 256
        out = self.last(torch.cat((hidden, seen), dim=1))
        location = rounded((out[:, 0] * 64).clamp(-384, 384)) / 64
        scale = rounded((out[:, 1] * 8).clamp(-40, 31)) / 8
        return location, scale, out[:, 2].clamp(0, len(SHAPES) - 1)


def below(z: Tensor, shape: Tensor) -> Tensor:
    """The distribution function at z scales, for a shape between the tabulated ones."""
    share = torch.zeros_like(z)
    tables = [(1 - a) * torch.sigmoid(z) + a * torch.sigmoid(z / wide) for a, wide in SHAPES]
    for index, table in enumerate(tables):
        share = share + table * (1 - (shape - index).abs()).clamp(0, 1)
    return share


def bits(net: Net, features: Tensor, missed: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """What each pixel costs."""
    location, spread, shape = net(features)
    octave, quarter = scale // 4, scale % 4
    unit = (2 * quarter + 9) / 4 * torch.exp2(octave)  # in sixteenths of a step
    centre = torch.minimum(torch.maximum(location * unit, -low), high)
    sigma = unit * torch.exp2(spread)
    distance = missed - centre
    above = torch.where(missed >= high - 0.5, torch.ones_like(distance), below((distance + 8) / sigma, shape))
    under = torch.where(missed <= -low + 0.5, torch.zeros_like(distance), below((distance - 8) / sigma, shape))
    # computed from the nearer tail, where the difference keeps its digits
    mirrored = below((8 - distance) / sigma, shape) - below((-8 - distance) / sigma, shape)
    inside = (missed < high - 0.5) & (missed > -low + 0.5)
    mass = torch.where(inside & (distance > 0), mirrored, above - under)
    return -torch.log2(mass.clamp_min(0) * (1 - 2.0**-9) + 2.0**-15)
