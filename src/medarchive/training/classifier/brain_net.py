"""Brain net: a U-Net that says where the lesion is, and what it is from the features inside it."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.nets import standardised

__all__ = ["BrainNet", "strongest"]

_RARE = -4.0  # logit of a pixel in a lesion
_STRONGEST = 400  # of the lesion map, one pixel in so many


class BrainNet(nn.Module):
    """Lesion map and kind of lesion. Convolutional throughout: 256 x 256 or 128 x 128."""

    def __init__(self, widths: tuple[int, ...], kinds: int = 3) -> None:
        """Widths are the channels at 1/2, 1/4, ... of the input."""
        super().__init__()
        self.stem = nn.Sequential(_convolution(4, widths[0]), nn.ReLU())
        self.falls = nn.ModuleList(
            nn.Sequential(_Block(above, below, 2), *([_Block(below, below)] if step else []))
            for step, (above, below) in enumerate(pairwise(widths))
        )
        self.rises = nn.ModuleList(_Block(above + below, above) for above, below in pairwise(widths[1:]))
        self.mask = nn.Sequential(_convolution(widths[1], widths[0]), nn.ReLU(), nn.Conv2d(widths[0], 4, 3, 1, 1))
        nn.init.constant_(self.mask[-1].bias, _RARE)  # otherwise all features are spent on saying that most is healthy
        self.kind = nn.Sequential(
            nn.Linear(2 * widths[-1] + widths[2], 96), nn.ReLU(), nn.Dropout(0.4), nn.Linear(96, kinds)
        )

    def forward(
        self, pictures: Tensor, outlines: Tensor | None = None, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What there is.

        Args:
            pictures: (n, 1, side, side), 0 to 1.
            outlines: (n, 1, side / 2, side / 2), where to look for the kind; None takes the lesion map that was found.
            given: (n,), whether to look there; in the others where a lesion was found.

        Returns:
            Logits of the lesion (n, 1, side / 2, side / 2) and of its kind (n, kinds).
        """
        x = self.stem(functional.pixel_unshuffle(standardised(pictures), 2))
        scales = []
        for fall in self.falls:
            x = fall(x)
            scales.append(x)
        deep = x
        middle = scales[1]
        for step in range(len(self.rises) - 1, -1, -1):
            x = self.rises[step](torch.cat([functional.interpolate(x, scale_factor=2.0), scales[step]], dim=1))
            middle = x if step == 1 else middle
        lesion = functional.pixel_shuffle(self.mask(x), 2)
        where = torch.sigmoid(lesion.detach())
        if outlines is not None and given is not None:
            where = torch.where(given.view(-1, 1, 1, 1), outlines.to(where.dtype), where)
        kind = self.kind(torch.cat([_inside(deep, where), deep.mean(dim=(2, 3)), _inside(middle, where)], dim=1))
        return lesion, kind


def strongest(lesion: Tensor, least: Tensor | None = None) -> Tensor:
    """The logit of the mean of the highest probabilities of a lesion map, one pixel in 400: (n,).

    Args:
        lesion: logits (n, 1, s, s).
        least: (n,), pixels of each that count if that is fewer.
    """
    flat = torch.sigmoid(lesion.float()).flatten(1)
    count = max(1, flat.shape[1] // _STRONGEST)
    highest = flat.topk(count, dim=1).values.sum(dim=1)
    mean = highest / (count if least is None else least.clamp(max=count))
    return torch.logit(mean, eps=1e-4)


class _Block(nn.Module):  # two 3 x 3 convolutions beside a shortcut
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, stride)
        self.second = _convolution(outputs, outputs)
        averaged = nn.Identity() if stride == 1 else nn.AvgPool2d(stride)
        self.shortcut = averaged if inputs == outputs else nn.Sequential(averaged, nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.second(functional.relu(self.first(x))))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


def _inside(features: Tensor, where: Tensor) -> Tensor:
    """The mean of features, weighted by a map that is larger by a power of two."""
    factor = where.shape[2] // features.shape[2]
    weight = functional.max_pool2d(where, factor) + 1e-3
    return (features * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))
