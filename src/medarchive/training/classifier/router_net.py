"""Router net: one trunk that says what part of the body a picture shows and where it stands among others."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.nets import Encoder, standardised

__all__ = ["EMBEDDED", "RouterNet", "layout"]

EMBEDDED = 128
"""Length of the vector."""


class RouterNet(nn.Module):
    """Looks at half the resolution: what distinguishes parts of the body is coarse, and a quarter of the cost.

    Attributes:
        encoder: see Encoder.
        proxies: (labels, 128): where vectors of each label are drawn to in training.
    """

    def __init__(self, classes: int, labels: int, widths: tuple[int, ...] = (32, 64, 128, 192, 192)) -> None:
        """``classes`` are the anatomies, ``labels`` anatomies with findings."""
        super().__init__()
        self.encoder = Encoder(widths)
        self.classes = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * widths[-1], classes))
        self.embedding = nn.Sequential(nn.Linear(2 * widths[-1], 256), nn.ReLU(), nn.Linear(256, EMBEDDED))
        self.proxies = nn.Parameter(torch.randn(labels, EMBEDDED))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of pictures (n, 1, 128, 128), 0 to 1: logits (n, classes) and unit vectors (n, 128)."""
        features = self.encoder(standardised(pictures))[-1].float()
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        return self.classes(pooled), functional.normalize(self.embedding(pooled), dim=1)


def layout(pictures: Tensor) -> Tensor:
    """Where it is bright, coarsely: (n, 256), means of 16 x 16 fields of pictures (n, 1, 128, 128), standardised."""
    return functional.avg_pool2d(standardised(pictures), 8).flatten(1)
