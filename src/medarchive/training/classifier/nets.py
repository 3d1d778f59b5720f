"""Nets: the blocks that the classifiers are made of. Input: (n, 1, 256, 256), 0 to 1."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Encoder", "standardised"]


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
