"""Contrastive: draws together the vectors of pictures that show the same, and pushes apart the others."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["contrastive", "to_proxies"]


def contrastive(vectors: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2): a mean over pictures that have another like it.

    Args:
        vectors: (n, d), unit length.
        labels: (n,), those below 0 are only pushed away from.
        temperature: divisor of cosines.
    """
    cosines = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    shares = torch.log_softmax(cosines.masked_fill(itself, float("-inf")), dim=1)
    alike = (labels[:, None] == labels[None, :]) & ~itself & (labels >= 0)[:, None]
    counts = alike.sum(dim=1)
    found = -shares.masked_fill(~alike, 0.0).sum(dim=1) / counts.clamp(min=1)
    return found[counts > 0].mean() if bool((counts > 0).any()) else vectors.sum() * 0.0


def to_proxies(vectors: Tensor, labels: Tensor, proxies: Tensor, sharpness: float = 16.0) -> Tensor:
    """Cross entropy over cosines to one learned direction for each label (Movshovitz-Attias et al. 2017, normalised).

    Unlike ``contrastive`` it needs no other picture of the same label in the batch.

    Args:
        vectors: (n, d), unit length.
        labels: (n,), numbers of rows of ``proxies``.
        proxies: (m, d), any length.
        sharpness: factor of cosines.
    """
    return functional.cross_entropy(sharpness * vectors @ functional.normalize(proxies, dim=1).T, labels)
