"""Card: the facts of a network of lung.py as JSON: data, splits, figures with intervals, baselines, known failures."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import SIDE
from medarchive.training.classifier.calibrate import Calibration, probabilities
from medarchive.training.classifier.metrics import auc, balanced_accuracy, calibration_error, interval, recalls
from medarchive.training.classifier.pictures import Pictures

if TYPE_CHECKING:
    from medarchive.training.classifier.lung import Recipe

__all__ = ["measures", "nearest", "no_better", "rounded", "thumbnails", "write_card"]


def write_card(
    path: Path,
    recipe: "Recipe",
    sha256: str,
    calibration: Calibration,
    logits: NDArray[np.floating],
    known: Pictures,
    found: NDArray[np.floating],
    test: Pictures,
) -> None:
    """Measure a finished network's answers to the test split, and write everything that is known of it. NumPy only.

    Args:
        path: of the JSON file.
        recipe: that it was made by.
        sha256: of the ONNX file.
        calibration: that is in it.
        logits: of each of ``known``, by the network that had not seen it.
        known: what was trained on, by folds.
        found: probabilities of each of ``test``, by the finished network.
        test: what was not trained on.
    """
    labels = recipe.labels
    truth = {name: _truth(pictures, labels) for name, pictures in (("known", known), ("test", test))}
    held_out = probabilities(logits, calibration.bias, calibration.temperature)
    card: dict[str, Any] = {
        "name": recipe.name,
        "version": "1",
        "sha256": sha256,
        "labels": list(labels),
        "normal": labels[0],
        "temperature": calibration.temperature,
        "bias": list(calibration.bias),
        "thresholds": {"abstain": calibration.abstain, "abnormal": calibration.abnormal},
        "input": {
            "name": "pictures",
            "shape": ["n", 1, SIDE, SIDE],
            "range": [0, 1],
            "seen": " and ".join(f"the middle {each.crop} of {each.side} pixels" for each in recipe.families),
        },
        "outputs": {
            "probabilities": ["n", len(labels)],
            "cam": ["n", SIDE, SIDE],
        },
        "networks": recipe.folds * len(recipe.families),
        "data": {
            "dataset": recipe.dataset,
            "licence": recipe.licence,
            "folds": recipe.folds,
            "divided_by": "block, otherwise patient",
            "train": _counts(known),
            "test": _counts(test),
        },
        "held_out": measures(held_out, truth["known"], known, calibration, labels),
        "test": measures(found, truth["test"], test, calibration, labels),
        "baselines": {
            "thumbnail_nearest": nearest(thumbnails(known), truth["known"], thumbnails(test), truth["test"]),
            "grey_values_nearest": nearest(_greys(known), truth["known"], _greys(test), truth["test"]),
            "source_only": {"balanced_accuracy": 1 / len(labels), "auc": 0.5, "why": "all labels come from one source"},
        },
        "failures": list(recipe.failures),
        "notice": "Not a medical device. Investigational; not for diagnosis.",
    }
    withheld = no_better(card["test"], card["baselines"])
    if withheld:
        card["withheld"] = withheld
    path.write_text(json.dumps(rounded(card), indent=2) + "\n")


def no_better(test: dict[str, Any], baselines: dict[str, dict[str, Any]]) -> str:
    """Why a network gives no finding: on test pictures a nearest neighbour may be as good; "" where it is not.

    Args:
        test: the network's measures.
        baselines: balanced accuracies of what has learned nothing.
    """
    best = max(each["balanced_accuracy"] for each in baselines.values())
    if test["balanced_accuracy"]["interval"][0] > best:
        return ""
    return (
        "on test pictures this network does no better than the nearest thumbnail; its probabilities are shown, no "
        "finding is given"
    )


def measures(
    found: NDArray[np.floating],
    truth: NDArray[np.integer],
    pictures: Pictures,
    calibration: Calibration,
    labels: tuple[str, ...],
) -> dict[str, Any]:
    """What answers are worth, each measure with the 95 % interval over patients or near-duplicate groups.

    Sensitivity and specificity are of abnormal against normal at the threshold. Abstentions are left out of
    ``when_said`` and count as answers everywhere else.
    """
    said, abnormal, score = found.argmax(axis=1), truth > 0, 1 - found[:, 0]
    called = score >= calibration.abnormal
    wanted: dict[str, Callable[[NDArray[np.integer]], float]] = {
        "auc": lambda at: auc(abnormal[at], score[at]),
        "balanced_accuracy": lambda at: balanced_accuracy(truth[at], said[at], len(labels)),
        "sensitivity": _share(called, abnormal),
        "specificity": _share(~called, ~abnormal),
        "calibration_error": lambda at: calibration_error(truth[at], found[at]),
    }
    for number, label in enumerate(labels):
        wanted[f"recall_{label}"] = _share(said == number, truth == number)
    every, groups = np.arange(len(truth)), [row.twins for row in pictures.rows]
    out: dict[str, Any] = {
        name: {"value": measure(every), "interval": list(interval(measure, groups))} for name, measure in wanted.items()
    }
    sure = np.flatnonzero(found.max(axis=1) >= calibration.abstain)
    out["abstained"] = 1 - len(sure) / len(truth)
    out["when_said"] = {"balanced_accuracy": balanced_accuracy(truth[sure], said[sure], len(labels))}
    out["confusion"] = [
        [int(np.sum((truth == one) & (said == other))) for other in range(len(labels))] for one in range(len(labels))
    ]
    return out


def _share(right: NDArray[np.bool_], among: NDArray[np.bool_]) -> Callable[[NDArray[np.integer]], float]:
    """Of picture numbers, the share of those among whom it is right."""

    def measure(at: NDArray[np.integer]) -> float:
        inside = at[among[at]]
        return float(right[inside].mean()) if len(inside) else float("nan")

    return measure


def nearest(
    known: NDArray[np.floating],
    known_truth: NDArray[np.integer],
    asked: NDArray[np.floating],
    truth: NDArray[np.integer],
) -> dict[str, Any]:
    """What the nearest neighbour is worth, which has learned nothing.

    Args:
        known: (n, d) of the training pictures.
        known_truth: (n,), 0 is normal.
        asked: (m, d).
        truth: (m,).
    """
    squared = (asked**2).sum(axis=1)[:, None] - 2 * asked @ known.T + (known**2).sum(axis=1)[None]
    classes = int(max(known_truth.max(), truth.max())) + 1
    normal = np.where(known_truth[None] == 0, squared, np.inf).min(axis=1)
    other = np.where(known_truth[None] > 0, squared, np.inf).min(axis=1)
    said = known_truth[squared.argmin(axis=1)]
    return {
        "balanced_accuracy": balanced_accuracy(truth, said, classes),
        "recalls": [float(each) for each in recalls(truth, said, classes)],
        "auc": auc(truth > 0, normal - other),
    }


def thumbnails(pictures: Pictures) -> NDArray[np.float32]:
    """Pictures as vectors of 32 x 32 pixels, 0 to 1."""
    small = pictures.pixels.reshape(len(pictures), 32, SIDE // 32, 32, SIDE // 32).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(small.reshape(len(pictures), -1) / 255, np.float32)


def _greys(pictures: Pictures) -> NDArray[np.float32]:
    counts = [np.histogram(each, bins=16, range=(0, 256))[0] for each in pictures.pixels]
    return np.log(np.array(counts, np.float32) / SIDE**2 + 1e-3)


def _truth(pictures: Pictures, labels: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([labels.index(row.label) for row in pictures.rows], np.int64)


def _counts(pictures: Pictures) -> dict[str, int]:
    return dict(sorted(Counter(row.label for row in pictures.rows).items()))


def rounded(value: Any) -> Any:
    """A card, its numbers to four places."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(float(value), 4) if isinstance(value, float | np.floating) else value
