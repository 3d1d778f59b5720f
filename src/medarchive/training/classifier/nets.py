"""Nets: the blocks and the two shapes of network that the classifiers are made of. Input: (n, 1, 256, 256), 0 to 1."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Encoder", "MaskNet", "standardised"]


def standardised(pictures: Tensor) -> Tensor:
    """Pictures with the mean 0 and the deviation 1 of their foreground, which is what is not black.

    Brightness and contrast of the display are gone after it. Values are cut at 4 deviations.
    """
    inside = (pictures > 0.02).to(pictures.dtype)
    count = inside.sum(dim=(2, 3), keepdim=True).clamp(min=64.0)
    mean = (pictures * inside).sum(dim=(2, 3), keepdim=True) / count
    spread = ((pictures - mean) ** 2 * inside).sum(dim=(2, 3), keepdim=True) / count
    return ((pictures - mean) / (spread.sqrt() + 0.02)).clamp(-4.0, 4.0)


class _Residual(nn.Module):  # two 3 x 3 convolutions beside a shortcut
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if inputs == outputs and stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.shortcut(x) + self.second_norm(self.second(inner)))


class Encoder(nn.Module):
    """Features at 1/2, 1/4, ... of the input: space to depth, then residual blocks that halve."""

    def __init__(self, widths: tuple[int, ...], blocks: int = 1) -> None:
        """Widths are the channels of each scale, from 128 x 128 down; ``blocks`` more at each."""
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        self.scales = nn.ModuleList(
            nn.Sequential(_Residual(above, below, 2), *(_Residual(below, below) for _ in range(blocks - 1)))
            for above, below in pairwise(widths)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of each scale, the finest first."""
        found = [self.stem(functional.pixel_unshuffle(pictures, 2))]
        for scale in self.scales:
            found.append(scale(found[-1]))
        return found


class MaskNet(nn.Module):
    """A U-Net that says where the lesion is, and what it is from the features inside it.

    Attributes:
        encoder: see Encoder.
    """

    def __init__(self, widths: tuple[int, ...], classes: int) -> None:
        """``classes`` are of the lesion; whether there is one is the mask's to say."""
        super().__init__()
        self.encoder = Encoder(widths, blocks=2)
        self.rise = nn.ModuleList(_Residual(below + above, above) for above, below in pairwise(widths))
        self.mask = nn.Conv2d(widths[0], 1, 1)
        self.kind = nn.Sequential(
            nn.Linear(2 * widths[-1] + widths[1], 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, classes)
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Lesion logits (n, 1, 128, 128) and class logits (n, classes)."""
        scales = self.encoder(standardised(pictures))
        x = scales[-1]
        below = x
        for step in range(len(scales) - 2, -1, -1):
            x = self.rise[step](torch.cat([functional.interpolate(x, scale_factor=2.0), scales[step]], dim=1))
            if step == 1:
                middle = x
        mask = self.mask(x)
        weight = torch.sigmoid(mask.detach())
        inside = torch.cat([_pooled(below, weight), below.mean(dim=(2, 3)), _pooled(middle, weight)], dim=1)
        return mask, self.kind(inside)


def _pooled(features: Tensor, weight: Tensor) -> Tensor:
    """The mean of features, weighted by a mask that is larger by a power of two."""
    weight = functional.adaptive_max_pool2d(weight, list(features.shape[2:])) + 1e-3
    return (features * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))
