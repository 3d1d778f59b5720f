"""The learned transform in torch: what the integers of codecs/autoencoder/lifting.py do, with gradients.

Quantised coefficients are constants of the gradient, because the quantiser weighs error against bits: at its
thresholds the sum of both does not jump, and the derivative of that sum is the derivative of the error alone. What a
coefficient that is not 0 may save is the business of the rate, computed with additive noise (Ballé et al., ICLR 2018)
by CompressAI's conditional entropy model, with a Laplacian in place of its Gaussian.
"""

from typing import Any

import torch
from compressai.entropy_models import GaussianConditional
from compressai.layers import MaskedConv2d
from torch import Tensor, nn
from torch.nn import functional

from medarchive.codecs.autoencoder.lifting_model import LEVELS, PREDICTED, REFINED

__all__ = ["Coded", "Transform", "joined"]

_ACTIVE = 256
"""Activations are in 1/256, up to 2047."""
_WEIGHT = 1024
_MOST = 2047
PRICE = 0.15
"""Of a bit, in squared steps: the slope at high rates, 2 ln 2 / 12."""
_INWARD = 0.05
_LIFTING = (-103949 / 65536, -3472 / 65536, 57862 / 65536, 29066 / 65536)


class _Active(torch.autograd.Function):
    """Clipped to 0 and more, in whole steps; gradients pass where nothing is clipped."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward((value > 0) & (value < _MOST / _ACTIVE))
        value = value.contiguous(memory_format=torch.channels_last)
        return (value * _ACTIVE).round_().clamp_(0, _MOST).div_(_ACTIVE)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside


def _weights(value: Tensor) -> Tensor:
    """Weights in whole steps, straight through for gradients."""
    return value + ((value * _WEIGHT).round().clamp(-_MOST, _MOST) / _WEIGHT - value).detach()


class _Dense(nn.Module):
    """A convolution with the borders repeated; its weights are of shape (outputs, inputs, side, side)."""

    def __init__(self, inputs: int, outputs: int, side: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, side, side) * scale * (2 / inputs) ** 0.5 / side)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        if self.side > 1:
            x = functional.pad(x, [self.side // 2] * 4, mode="replicate")
        return functional.conv2d(x, _weights(self.weight), self.bias)


class _Around(nn.Module):
    """Differences of the 5 x 5 low coefficients to the middle one, as inputs of a layer."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, 24) * 0.06)

    def forward(self, low: Tensor) -> Tensor:
        weight = _weights(self.weight)
        middle = -weight.sum(1, keepdim=True)
        kernel = torch.cat((weight[:, :12], middle, weight[:, 12:]), 1).reshape(-1, 1, 5, 5)
        return functional.conv2d(functional.pad(low, [2] * 4, mode="replicate"), kernel)


class Predict(nn.Module):
    """Low coefficients to the details that go with them: the lifting step's network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = _Around(width)
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.second = _Dense(width, width, 3, 1.0)
        self.last = _Dense(width, PREDICTED, 1, 0.0)

    def forward(self, low: Tensor) -> Tensor:
        hidden = _Active.apply(self.around(low) + self.first_bias[:, None, None])
        return self.last(_Active.apply(self.second(hidden)))


class Refine(nn.Module):
    """All that a decoder has of a level to what should be added to its four bands."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = _Around(width)
        self.beside = _Dense(3, width, 3, 0.5)
        self.coded = _Dense(3, width, 1, 0.5)
        self.second = _Dense(width, width, 3, 1.0)
        self.third = _Dense(width, width, 3, 1.0)
        self.last = _Dense(width, REFINED, 1, 0.0)

    def forward(self, low: Tensor, details: Tensor, coded: Tensor) -> Tensor:
        hidden = _Active.apply(self.around(low) + self.beside(details) + self.coded(coded))
        return self.last(_Active.apply(self.third(_Active.apply(self.second(hidden)))))


class _Laplacian(GaussianConditional):
    """CompressAI's conditional entropy model with the tails that coefficients have."""

    def _standardized_cumulative(self, inputs: Tensor) -> Tensor:
        tail = 0.5 * torch.exp(-(2**0.5) * inputs.abs())
        return torch.where(inputs < 0, tail, 1 - tail)


class _Scales(nn.Module):
    """Scales of a level's coefficients from the parents, the bands before, and what lies above and left."""

    def __init__(self) -> None:
        super().__init__()
        self.parent = nn.ModuleList(nn.Conv2d(3, 16, 3, padding=1) for _ in range(3))
        self.own = nn.ModuleList(MaskedConv2d(1, 16, 5, padding=2) for _ in range(3))
        self.before = nn.ModuleList(nn.Conv2d(band, 16, 3, padding=1) for band in (1, 2))
        self.end = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Conv2d(16, 12, 1), nn.ReLU(), nn.Conv2d(12, 1, 1)) for _ in range(3)
        )

    def forward(self, quantised: Tensor, parent: Tensor) -> Tensor:
        own = torch.log2(1 + quantised.abs())
        above = functional.interpolate(torch.log2(1 + parent.abs()), scale_factor=2.0)
        found = []
        for band in range(3):
            hidden = self.parent[band](above) + self.own[band](own[:, band : band + 1])
            if band:
                hidden = hidden + self.before[band - 1](own[:, :band])
            found.append(self.end[band](hidden))
        return torch.exp(torch.cat(found, 1).clamp(-5, 8) - 1.5)


class Coded:
    """A batch after a round trip.

    Attributes:
        pixels: (parts, rows, columns).
        bits: of each part's learned levels, with noise for rounding.
        exact_bits: of the quantised coefficients.
    """

    def __init__(self, pixels: Tensor, bits: Tensor, exact_bits: Tensor) -> None:
        self.pixels, self.bits, self.exact_bits = pixels, bits, exact_bits


class Transform(nn.Module):
    """The learned levels, coded and decoded."""

    def __init__(self, *, width: int, predict: bool = True, refine: bool = True) -> None:
        super().__init__()
        self.predict = nn.ModuleList(Predict(width) for _ in range(LEVELS if predict else 0))
        self.refine = nn.ModuleList(Refine(width) for _ in range(LEVELS if refine else 0))
        self.scales = nn.ModuleList(_Scales() for _ in range(LEVELS))
        self.likelihood = _Laplacian(None, scale_bound=0.05)
        self.enabled = True

    def forward(self, low: Tensor, parent: Tensor, details: list[Tensor], sizes: Tensor) -> Coded:
        """Code a batch.

        Args:
            low: see Sample, stacked, with one channel.
            parent: see there.
            details: see there.
            sizes: of steps in 1/64 of a stored unit, (parts, LEVELS, 3).
        """
        bits = exact = torch.zeros(len(low))
        for level in range(LEVELS - 1, -1, -1):
            unit = sizes[:, level, :1, None, None]
            seen = low / unit
            expected = torch.zeros_like(details[level])
            if self.predict and self.enabled:
                expected = self.predict[level](seen)
            rest = details[level] - expected
            quantised, scales = self._quantised(rest.detach(), parent, level)
            _, likely = self.likelihood(rest, scales, training=True)
            bits = bits - torch.log2(likely).sum((1, 2, 3))
            with torch.no_grad():
                likely = self.likelihood._likelihood(quantised, scales)  # noqa: SLF001
                exact = exact - torch.log2(likely.clamp_min(1e-9)).sum((1, 2, 3))
            coded = quantised - _INWARD * torch.sign(quantised)
            found = coded + expected
            if self.refine and self.enabled:
                change = self.refine[level](seen, found, coded)
                low = low + change[:, :1] * unit
                found = found + change[:, 1:]
            low = joined(low, found * sizes[:, level, :, None, None])
            parent = quantised
        return Coded(low[:, 0] / 64, bits, exact)

    def _quantised(self, rest: Tensor, parent: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """What the encoder would choose, and the scales."""
        size = rest.abs()
        first = torch.floor(size + 0.4)
        scales = self.scales[level](first, parent)
        with torch.no_grad():
            best, found = torch.full_like(size, 1e30), torch.zeros_like(size)
            for candidate in (torch.zeros_like(size), torch.floor(size), torch.floor(size) + 1):
                likely = self.likelihood._likelihood(candidate, scales)  # noqa: SLF001
                missed = size - (candidate - _INWARD * torch.sign(candidate))
                cost = missed * missed - PRICE * torch.log2(likely.clamp_min(1e-9))
                found = torch.where(cost < best, candidate, found)
                best = torch.minimum(cost, best)
            return found * torch.sign(rest), scales


def joined(low: Tensor, details: Tensor) -> Tensor:
    """One level of the inverse 9/7 transform: (parts, 1, rows, columns) and (parts, 3, ...) to twice the size."""
    beside, below, corner = (details[:, band : band + 1] for band in range(3))
    left, right = _lines(low.mT, below.mT).mT, _lines(beside.mT, corner.mT).mT
    return _lines(left, right)


def _lines(even: Tensor, odd: Tensor) -> Tensor:
    """Lines of an even number of values from their halves."""
    for number, step in reversed(list(enumerate(_LIFTING))):
        if number % 2 == 0:
            odd = odd - step * (even + torch.cat((even[..., 1:], even[..., -1:]), -1))
        else:
            even = even - step * (odd + torch.cat((odd[..., :1], odd[..., :-1]), -1))
    return torch.stack((even, odd), -1).flatten(-2)
