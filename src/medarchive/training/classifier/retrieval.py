"""Retrieval: whether what is found nearest shows the same, and the two baselines that have learned nothing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["average_precisions", "components", "thumbnails"]

Floats = NDArray[np.float32]


def average_precisions(vectors: Floats, labels: Sequence[str], groups: Sequence[str], count: int = 10) -> Floats:
    """Average precision of each picture's nearest others, by cosine; nan where no other group has its label.

    The sum of the precisions at each relevant place among the first ``count``, by the most that could be there.

    Args:
        vectors: (n, d), any length.
        labels: what is relevant has the same.
        groups: pictures of the same are not looked at.
        count: how many nearest.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    label = np.unique(np.asarray(labels), return_inverse=True)[1]
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    found = np.full(len(unit), np.nan, np.float32)
    for number, vector in enumerate(unit):
        stranger = group != group[number]
        relevant = (label == label[number]) & stranger
        most = min(count, int(relevant.sum()))
        if most:
            cosines = np.where(stranger, unit @ vector, -2.0)
            hits = relevant[np.argsort(-cosines, kind="stable")[:count]]
            precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            found[number] = float((precisions * hits).sum()) / most
    return found


def thumbnails(pixels: NDArray[np.uint8]) -> Floats:
    """Pictures (n, 128, 128) as vectors of 32 x 32 pixels, less their mean."""
    small = _reduced(pixels)
    return np.asarray(small - small.mean(axis=1, keepdims=True), np.float32)


def components(train: NDArray[np.uint8], pixels: NDArray[np.uint8], count: int = 128) -> Floats:
    """Pictures (n, 128, 128) by the principal components of others, taken over 32 x 32 pixels.

    Args:
        train: whose components.
        pixels: what is described by them.
        count: of components.
    """
    known, asked = (_reduced(each) for each in (train, pixels))
    mean = known.mean(axis=0)
    axes = np.linalg.eigh((known - mean).T @ (known - mean))[1][:, ::-1][:, :count]
    return np.asarray((asked - mean) @ axes, np.float32)


def _reduced(pixels: NDArray[np.uint8]) -> Floats:
    small = pixels.reshape(len(pixels), 32, 4, 32, 4).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(small.reshape(len(pixels), -1), np.float32)
