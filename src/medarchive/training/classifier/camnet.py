"""Camnet: a small network whose answer is a mean over a map of answers, so that the map shows where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.insight.picture import SIDE
from medarchive.training.classifier.nets import Encoder, standardised

__all__ = ["CamNet", "Pooled", "Sight", "reduced"]


@dataclass(frozen=True, slots=True)
class Sight:
    """How a network sees the square of 256 x 256.

    Attributes:
        side: pixels to which it is reduced.
        crop: pixels of it, about its centre, that are seen.
        mirrored: left for right.
    """

    side: int = 128
    crop: int = 128
    mirrored: bool = False

    def seen(self, pictures: Tensor) -> Tensor:
        """What is seen of squares: (n, 1, crop, crop)."""
        x = reduced(pictures, self.side, self.crop)
        return x.flip(3) if self.mirrored else x

    def shown(self, heat: Tensor) -> Tensor:
        """A map (n, 1, h, w) over what is seen, brought back onto the square: (n, 1, 256, 256), 0 where not seen."""
        wide = SIDE * self.crop // self.side
        heat = functional.interpolate(heat, size=(wide, wide), mode="bilinear", align_corners=False)
        before = (SIDE - wide) // 2
        after = SIDE - wide - before
        return functional.pad(heat.flip(3) if self.mirrored else heat, (before, after, before, after))


class CamNet(nn.Module):
    """Answers at every place of the coarsest scale, and how much each place counts."""

    def __init__(self, widths: tuple[int, ...], classes: int, dropout: float = 0.3, blocks: int = 1) -> None:
        """``widths`` as of Encoder."""
        super().__init__()
        self.encoder = Encoder(widths, blocks)
        self.drop = nn.Dropout(dropout)
        self.answers = nn.Conv2d(widths[-1], classes, 1)
        self.weight = nn.Conv2d(widths[-1], 1, 1)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)

    def maps(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Answers (n, classes, h, w) and weights (n, 1, h, w) that sum to 1."""
        features = self.drop(self.encoder(standardised(pictures))[-1])
        weight = self.weight(features).float()
        return self.answers(features).float(), weight.flatten(2).softmax(dim=2).view_as(weight)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (n, classes) of pictures that are already reduced."""
        answers, weight = self.maps(pictures)
        return (answers * weight).sum(dim=(2, 3))


class Pooled(nn.Module):
    """Several networks as one: what is shipped. Takes the square of 256 x 256.

    Attributes:
        nets: whose logits are averaged.
        sights: how each of them sees the square.
    """

    def __init__(
        self,
        nets: Sequence[CamNet],
        sights: Sequence[Sight],
        *,
        temperature: float = 1.0,
        bias: tuple[float, ...] = (),
        normal: int = 0,
    ) -> None:
        """A mean of several networks.

        Args:
            nets: of the same labels.
            sights: one for each.
            temperature: by which logits are divided.
            bias: added to logits, before; none adds nothing.
            normal: the label against which the map shows the others.
        """
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.sights, self.normal = tuple(sights), normal
        self.register_buffer("temperature", torch.tensor(float(temperature)))
        classes = nets[0].answers.out_channels
        self.register_buffer("bias", torch.tensor(bias or (0.0,) * classes, dtype=torch.float32))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, labels) and the map over the square (n, 256, 256), 0 to 1."""
        seen = {sight: sight.seen(pictures) for sight in dict.fromkeys(self.sights)}
        total, heat = [], []
        others = [label for label in range(self.bias.shape[0]) if label != self.normal]
        for net, sight in zip(self.nets, self.sights, strict=True):
            answers, weight = net.maps(seen[sight])
            total.append((answers * weight).sum(dim=(2, 3)))
            against = torch.logsumexp(answers[:, others], dim=1, keepdim=True) - answers[:, self.normal].unsqueeze(1)
            heat.append(sight.shown(torch.sigmoid(against) * weight / weight.amax(dim=(2, 3), keepdim=True)))
        probabilities = ((torch.stack(total).mean(dim=0) + self.bias) / self.temperature).softmax(dim=1)
        return probabilities, torch.stack(heat).mean(dim=0).squeeze(1)


def reduced(pictures: Tensor, side: int, crop: int) -> Tensor:
    """Squares of 256 x 256 with ``side`` pixels, of which the middle ``crop``."""
    if side != pictures.shape[-1]:
        factor = pictures.shape[-1] // side
        if factor * side == pictures.shape[-1]:
            pictures = functional.avg_pool2d(pictures, factor)
        else:
            pictures = functional.interpolate(
                pictures, size=(side, side), mode="bilinear", align_corners=False, antialias=False
            )
    edge = (side - crop) // 2
    return pictures[:, :, edge : edge + crop, edge : edge + crop]
