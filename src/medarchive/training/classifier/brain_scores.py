"""Brain scores: from the answers of the brain network to decisions, and what those are worth. NumPy only."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from medarchive.training.classifier.metrics import dice

__all__ = ["best_cut", "decided", "logistic", "matched_auc", "operating", "pointed"]

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def logistic(score: Floats, truth: Bools, weight: Floats) -> tuple[float, float]:
    """Slope and offset that make a score a logit (Platt 1999), by Newton's method.

    Args:
        score: (n,).
        truth: (n,).
        weight: (n,), how much each counts.
    """
    rows = np.stack([np.asarray(score, np.float64), np.ones(len(score))], axis=1)
    found = np.zeros(2)
    for _ in range(50):
        said = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        slope = rows.T @ (weight * (said - truth)) + np.array([1e-3, 0]) * found
        bend = (rows * (weight * said * (1 - said))[:, None]).T @ rows + 1e-3 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        found = found - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(found[0]), float(found[1])


def operating(score: Floats, sick: Bools, sources: Sequence[str], alarms: float) -> float:
    """The threshold with the largest sum of sensitivity and specificity that gives no source too many alarms.

    Args:
        score: (n,).
        sick: (n,).
        sources: (n,), of each picture.
        alarms: the largest share of any source's healthy pictures that may be at or above it.
    """
    of = np.array(sources)
    least = max(float(np.quantile(score[(of == each) & ~sick], 1 - alarms, method="higher")) for each in set(of[~sick]))
    ordered = np.unique(score)
    between = (ordered[1:] + ordered[:-1]) / 2
    allowed = between[between > least]
    if not len(allowed):
        return float(ordered[-1])
    worth = [np.mean(score[sick] >= each) + np.mean(score[~sick] < each) for each in allowed]
    return float(allowed[int(np.argmax(worth))])


def decided(tumour: Floats, kinds: Floats, abnormal: float) -> NDArray[np.int64]:
    """0 for no tumour, otherwise 1 and more for the likeliest kind: (n,)."""
    return np.where(np.asarray(tumour) < abnormal, 0, 1 + np.asarray(kinds).argmax(axis=1)).astype(np.int64)


def matched_auc(sick: Bools, score: Floats, heights: NDArray[np.integer], within: int) -> float:
    """The chance that a picture with a tumour scores higher than one without from about the same height in the head.

    Each picture with a tumour counts once, however many it is compared with; ties count half.

    Args:
        sick: (n,).
        score: (n,).
        heights: (n,), slice numbers that mean about the same in every volume.
        within: how far apart two may be.
    """
    shares = []
    for height, mine in zip(heights[sick], score[sick], strict=True):
        others = score[~sick & (np.abs(heights - height) <= within)]
        if len(others):
            shares.append(np.mean((mine > others) + 0.5 * (mine == others)))
    return float(np.mean(shares)) if shares else float("nan")


def best_cut(logits: Floats, strongest: Floats, outlines: Bools) -> tuple[float, float, float]:
    """Where to cut lesion maps for the best mean Dice with their outlines: so far below the strongest part of each.

    A lesion that is found with less certainty is cut lower, or only its core would be left.

    Args:
        logits: (n, s, s).
        strongest: (n,), logits.
        outlines: (n, s, s).

    Returns:
        How far below, and the lowest and highest logit at which any is cut.
    """

    def worth(each: tuple[float, float, float]) -> float:
        cuts = np.clip(strongest - each[0], each[1], each[2])
        return float(np.mean([dice(one > cut, other) for one, cut, other in zip(logits, cuts, outlines, strict=True)]))

    return max(product((2.0, 2.5, 3.0, 3.5, 4.0, 4.5), (-4.5, -3.5, -2.5), (-0.5, 0.0, 0.5, 1.0)), key=worth)


def pointed(maps: Floats, outlines: Bools) -> Bools:
    """Whether the highest pixel of each map is inside the outline: (n,)."""
    return np.array([bool(outline.flat[int(each.argmax())]) for each, outline in zip(maps, outlines, strict=True)])
