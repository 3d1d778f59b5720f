"""Metrics: what a classifier is worth, with 95 % confidence intervals over groups, not over pictures."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "auc",
    "balanced_accuracy",
    "calibration_error",
    "dice",
    "interval",
    "recalls",
    "temperature",
]

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


def recalls(truth: Ints, said: Ints, classes: int) -> NDArray[np.float64]:
    """The share of each class that was said to be of it; nan where there is none."""
    with np.errstate(invalid="ignore"):
        return np.array(
            [np.mean(said[truth == each] == each) if np.any(truth == each) else np.nan for each in range(classes)]
        )


def balanced_accuracy(truth: Ints, said: Ints, classes: int) -> float:
    """The mean of the recalls of the classes that there are."""
    return float(np.nanmean(recalls(truth, said, classes)))


def auc(truth: NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative, ties counted half."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    return float((rank[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(truth: Ints, probabilities: Floats, bins: int = 10) -> float:
    """Expected calibration error: how far the probability of what was said is from how often it was right.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 5.
    """
    said = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    right = said == truth
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(
        sum(abs(float(np.sum(right[place == b]) - np.sum(sure[place == b]))) for b in range(bins)) / len(truth)
    )


def dice(found: NDArray[np.bool_], outline: NDArray[np.bool_]) -> float:
    """Twice the common area by the sum of both; 1 where both are empty."""
    both = int(found.sum()) + int(outline.sum())
    return 1.0 if both == 0 else 2.0 * int((found & outline).sum()) / both


def interval(
    measure: Callable[[Ints], float], groups: Sequence[str], rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of a measure when whole groups are drawn again with replacement.

    Args:
        measure: of picture numbers, some of which come twice.
        groups: of each picture: patient, volume or leak group.
        rounds: of drawing.
        seed: of the drawing.
    """
    draw = np.random.default_rng(seed)
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    of = np.array([names[group] for group in groups])
    members = [np.flatnonzero(of == number) for number in range(len(names))]
    found = [
        measure(np.concatenate([members[each] for each in draw.integers(0, len(members), len(members))]))
        for _ in range(rounds)
    ]
    low, high = np.nanquantile(np.array(found), [0.025, 0.975])
    return float(low), float(high)


def temperature(logits: Floats, truth: Ints) -> float:
    """The divisor of logits with the least cross entropy on validation data (Guo et al. 2017, 4.2)."""
    candidates = np.exp(np.linspace(np.log(0.25), np.log(8.0), 141))
    rows = np.arange(len(truth))

    def entropy(divisor: float) -> float:
        scaled = logits / divisor
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, truth]))

    return float(min(candidates, key=entropy))
