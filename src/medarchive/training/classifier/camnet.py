"""Camnet: a small network whose answer is a mean over a map of answers, so that the map shows where it came from."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.insight.picture import SIDE
from medarchive.training.classifier.nets import Encoder, standardised

__all__ = ["CamNet", "Pooled", "reduced"]


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
        nets: of one shape.
    """

    def __init__(
        self,
        nets: list[CamNet],
        *,
        side: int,
        crop: int,
        temperature: float = 1.0,
        bias: tuple[float, ...] = (),
        normal: int = 0,
    ) -> None:
        """A mean of several networks.

        Args:
            nets: whose logits are averaged.
            side: pixels to which the square is reduced.
            crop: pixels of it, about its centre, that the networks see.
            temperature: by which logits are divided.
            bias: added to logits, before; none adds nothing.
            normal: the label against which the map shows the others.
        """
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.side, self.crop, self.normal = side, crop, normal
        self.register_buffer("temperature", torch.tensor(float(temperature)))
        classes = nets[0].answers.out_channels
        self.register_buffer("bias", torch.tensor(bias or (0.0,) * classes, dtype=torch.float32))

    def logits(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean logits before the bias, and the map (n, 1, h, w) of 0 to 1."""
        x = reduced(pictures, self.side, self.crop)
        total, heat = [], []
        others = [label for label in range(self.bias.shape[0]) if label != self.normal]
        for net in self.nets:
            answers, weight = net.maps(x)
            total.append((answers * weight).sum(dim=(2, 3)))
            against = torch.logsumexp(answers[:, others], dim=1, keepdim=True) - answers[:, self.normal].unsqueeze(1)
            heat.append(torch.sigmoid(against) * weight / weight.amax(dim=(2, 3), keepdim=True))
        return torch.stack(total).mean(dim=0), torch.stack(heat).mean(dim=0)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, labels) and the map over the square (n, 256, 256), 0 to 1."""
        logits, heat = self.logits(pictures)
        probabilities = ((logits + self.bias) / self.temperature).softmax(dim=1)
        shown = SIDE * self.crop // self.side
        heat = functional.interpolate(heat, size=(shown, shown), mode="bilinear", align_corners=False)
        before = (SIDE - shown) // 2
        after = SIDE - shown - before
        return probabilities, functional.pad(heat, (before, after, before, after)).squeeze(1)


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
