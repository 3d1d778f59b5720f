"""Classifier: from what a task's network gives to probabilities by label, to a finding, and to one over all slices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.gates import shown
from medarchive.insight.picture import square
from medarchive.view import View

__all__ = ["TASK_OF", "Answer", "abnormality", "answers", "pictured", "pooled", "verdict"]

TASK_OF = {"brain-mr": "brain", "lung-ct": "lung-ct", "lung-nodule": "lung-nodule", "chest-xray": "chest-xray"}
"""Which network reads what the router calls so. None reads CT of the head."""

_WINDOWS = {"lung-ct": (40.0, 400.0), "lung-nodule": (-600.0, 1500.0)}  # as in what each learned from
_KINDS = ("glioma", "meningioma", "pituitary")
_NORMAL = {"brain": "no_tumour", "lung-ct": "normal", "lung-nodule": "likely_benign", "chest-xray": "normal"}
_STRONGEST = 8  # of so many slices, one counts for the series
_POINT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a task's network says of one picture.

    Attributes:
        probabilities: by label.
        heat: (256, 256), 0 to 1: a lesion's mask, or what spoke for the finding; None where there is none.
    """

    probabilities: dict[str, float]
    heat: NDArray[np.float32] | None


def pictured(view: View, task: str, facts: Mapping[str, Any]) -> NDArray[np.float32]:
    """A view as its network wants it: HU in the window of the network, everything else as the object wants it shown.

    Args:
        view: of one frame.
        task: a key of ``reading.LABELS``.
        facts: of the network; ``window`` may be centre and width in HU.
    """
    window = facts.get("window", _WINDOWS.get(task)) if view.hounsfield else None
    return square(shown(view, (float(window[0]), float(window[1])) if window else None))


def answers(task: str, outputs: Mapping[str, NDArray[np.float32]], facts: Mapping[str, Any]) -> list[Answer]:
    """Probabilities and heat maps of each picture.

    Args:
        task: a key of ``reading.LABELS``.
        outputs: of the network: ``tumour``, ``kinds`` and ``lesion``, or ``probabilities`` and ``cam``.
        facts: of the network; ``labels`` are those of ``probabilities``, in its order.
    """
    maps = outputs.get("lesion" if task == "brain" else "cam")
    heats = [None] * len(next(iter(outputs.values()))) if maps is None else [np.clip(each, 0, 1) for each in maps]
    if task == "brain":
        rows = zip(outputs["tumour"], outputs["kinds"], strict=True)
        found = [_of_tumour(float(tumour), kinds) for tumour, kinds in rows]
    else:
        found = [
            _summed({label: float(value) for label, value in zip(facts["labels"], row, strict=True)})
            for row in outputs["probabilities"]
        ]
    return [Answer(*each) for each in zip(found, heats, strict=True)]


def _of_tumour(tumour: float, kinds: NDArray[np.float32]) -> dict[str, float]:
    shares = np.asarray(kinds, np.float64) / max(float(kinds.sum()), 1e-9)
    named = {kind: tumour * float(share) for kind, share in zip(_KINDS, shares, strict=True)}
    return {"no_tumour": 1 - tumour, **named, "tumour": tumour}


def _summed(found: dict[str, float]) -> dict[str, float]:
    if "bacteria" in found and "virus" in found and "pneumonia" not in found:
        found["pneumonia"] = found["bacteria"] + found["virus"]
    return found


def abnormality(task: str, probabilities: Mapping[str, float]) -> float:
    """How likely there is something: 1 less the probability of the label that means nothing is there."""
    return 1 - probabilities.get(_NORMAL[task], 1.0)


def verdict(task: str, probabilities: Mapping[str, float], facts: Mapping[str, Any]) -> tuple[str, str]:
    """The finding, or "" and why none is given.

    The network's ``thresholds`` say from which abnormality on there is a finding (``abnormal``, 0.5 otherwise) and how
    likely the likeliest label has to be for anything to be said (``abstain``, 0 otherwise). Of brain, ``unsure`` may be
    two probabilities of a tumour between which nothing is said. A network that has not shown that it can tell has
    ``withheld``, the reason why it never gives a finding.

    Args:
        task: a key of ``reading.LABELS``.
        probabilities: by label.
        facts: of the network.
    """
    if facts.get("withheld"):
        return "", str(facts["withheld"])
    limits: Mapping[str, Any] = facts.get("thresholds", {})
    labels = [label for label in facts["labels"] if label in probabilities and label != "tumour"]
    likeliest = max(labels, key=lambda label: probabilities[label])
    abnormal = abnormality(task, probabilities)
    if task == "lung-ct":
        finding = likeliest
    elif abnormal < float(limits.get("abnormal", _POINT)):
        finding = _NORMAL[task]
    elif task == "chest-xray":
        finding = "pneumonia"
    else:
        finding = max((label for label in labels if label != _NORMAL[task]), key=lambda label: probabilities[label])
    low, high = limits.get("unsure", (1.0, 0.0))
    if probabilities[likeliest] < float(limits.get("abstain", 0.0)) or low <= abnormal < high:
        return "", f"not sure: {finding} is likeliest"
    return finding, ""


def pooled(task: str, found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """One set of probabilities for the slices of a series: the mean of the most abnormal eighth of them.

    A lesion is in few slices, so the mean of all would drown it; the single highest would be the noise of many. What is
    left of that noise grows with the number of slices: false alarms of a series are more than those of a slice.
    """
    ordered = sorted(found, key=lambda each: abnormality(task, each), reverse=True)
    counted = ordered[: math.ceil(len(ordered) / _STRONGEST)]
    return {label: sum(each[label] for each in counted) / len(counted) for label in counted[0]}
