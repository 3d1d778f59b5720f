"""Calibrate: bias, temperature and thresholds from answers to pictures that a network has not seen. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.training.classifier.metrics import balanced_accuracy, temperature

__all__ = ["Calibration", "calibrated", "probabilities"]

_ABSTAINING = 0.1


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into answers.

    Attributes:
        bias: added to the logits of each label, so that the likeliest label is right most evenly.
        temperature: by which the sum is divided.
        abstain: a likeliest label that is less likely than this is not said.
        abnormal: from this sum of all labels but the first on, a picture is called abnormal.
    """

    bias: tuple[float, ...]
    temperature: float
    abstain: float
    abnormal: float


def probabilities(logits: NDArray[np.floating], bias: tuple[float, ...], divisor: float) -> NDArray[np.float64]:
    """Softmax of logits with a bias and a temperature: (n, labels)."""
    scaled = (np.asarray(logits, np.float64) + np.array(bias)) / divisor
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def calibrated(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> Calibration:
    """Find them on held-out answers.

    The bias has the best balanced accuracy, with a small cost for its size, so that it stays 0 where nothing is
    gained; one pass over a grid for each label but the first, repeated three times.

    Args:
        logits: (n, labels).
        truth: (n,).
    """
    classes = logits.shape[1]
    bias = np.zeros(classes)
    grid = np.linspace(-1.5, 1.5, 61)
    for _ in range(3):
        for label in range(1, classes):
            worth = [_worth(logits, truth, bias, label, value) for value in grid]
            bias[label] = grid[int(np.argmax(worth))]
    bias = bias - bias.mean()
    divisor = temperature(logits + bias, truth)
    found = probabilities(logits, tuple(bias), divisor)
    return Calibration(
        bias=tuple(float(value) for value in bias),
        temperature=divisor,
        abstain=float(np.quantile(found.max(axis=1), _ABSTAINING)),
        abnormal=_operating(truth > 0, 1 - found[:, 0]),
    )


def _worth(
    logits: NDArray[np.floating], truth: NDArray[np.integer], bias: NDArray[np.float64], label: int, value: float
) -> float:
    tried = bias.copy()
    tried[label] = value
    said = (logits + tried).argmax(axis=1)
    return balanced_accuracy(truth, said, logits.shape[1]) - 0.01 * float(np.ptp(tried))


def _operating(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """The threshold with the largest sum of sensitivity and specificity, in the middle of its gap (Youden 1950)."""
    order = np.sort(np.unique(score))
    between = (order[1:] + order[:-1]) / 2 if len(order) > 1 else order
    worth = [np.mean(score[positive] >= each) + np.mean(score[~positive] < each) for each in between]
    return float(between[int(np.argmax(worth))])
