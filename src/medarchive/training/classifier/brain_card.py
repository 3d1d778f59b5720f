"""Brain card: what the brain network is worth on pictures it has not seen, beside what has learned nothing, as JSON."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medarchive.insight.picture import SIDE
from medarchive.training.classifier import healthy
from medarchive.training.classifier.brain_export import KINDS, Answers, Shipped, answers
from medarchive.training.classifier.brain_scores import decided, matched_auc, pointed
from medarchive.training.classifier.card import nearest, rounded, thumbnails
from medarchive.training.classifier.lesions import stripped
from medarchive.training.classifier.metrics import auc, balanced_accuracy, calibration_error, dice, interval, recalls
from medarchive.training.classifier.pictures import Picture, Pictures

__all__ = ["LABELS", "SEEN_NEVER", "measured", "write_card"]

LABELS = ("no_tumour", *KINDS)
SEEN_NEVER = "brain-tumor-progression"
"""The collection that is never trained on, nor calibrated on: it has both classes in each volume."""

_POOL = ("figshare-cheng", "nickparvar-brain-mri", "bhuvaji-brain-mri")
_NEIGHBOURING = 1
_FAILURES = (
    "Learned from T1 after contrast; on other sequences it looks for what stands out, and knows no kind.",
    "Treated tumours, cavities and low-grade gliomas that do not enhance are missed more often than fresh ones.",
    "Large vessels, the choroid plexus and bright plaques of multiple sclerosis can look like a lesion to it.",
    "Metastases, abscesses, strokes and bleedings have not been seen: it calls them a kind that it knows, or nothing.",
    "Which pictures of figshare-cheng are of one patient is not said: its intervals, over near-duplicates, are narrow.",
    "Healthy heads in sagittal slices are of three people: of a child's it still calls nearly half suspicious.",
    "CT of the head is among the tumour-free pictures it learned from, but no tumour in CT.",
)
_Measure = Callable[[NDArray[np.integer[Any]]], float]


def write_card(
    path: Path, net: Shipped, sha256: str, recipe: dict[str, Any], pictures: Pictures, split: Callable[[Picture], str]
) -> None:
    """Measure a network that ships, and write everything that is known of it.

    Args:
        path: of the JSON file.
        net: calibrated.
        sha256: of its ONNX file.
        recipe: how it was trained.
        pictures: all, of all splits, those of the collection that is never trained on among them.
        split: of a picture.
    """
    found = net.calibration
    own = pictures.where(lambda row: row.dataset != SEEN_NEVER)
    card = {
        "name": "brain",
        "version": "1",
        "sha256": sha256,
        "labels": list(LABELS),
        "normal": LABELS[0],
        "temperature": found.temperature,
        "thresholds": {"abnormal": found.abnormal, "abstain": found.abstain, "lesion": 0.5},
        "calibration": {
            "lesion": [*found.cut, found.softness],
            "tumour": [found.slope, found.offset],
            "bias": list(found.bias),
        },
        "input": {"name": "pictures", "shape": ["n", 1, SIDE, SIDE], "range": [0, 1]},
        "outputs": {"lesion": ["n", SIDE, SIDE], "tumour": ["n"], "kinds": ["n", len(KINDS)]},
        "recipe": recipe,
        "data": {
            "licences": {
                "figshare-cheng": "CC BY 4.0", "nickparvar-brain-mri": "CC0", "bhuvaji-brain-mri": "MIT",
                "open-ms-data": "CC BY", "ixi-nichart-2mm": "CC BY-SA 3.0", "singles-dcm-t1": "PDDL/BSD-2",
                healthy.DATASET: "BSD-2-Clause, Apache-2.0, MIT",
                SEEN_NEVER: "CC BY 3.0",
            },
            "divided_by": "block of files (figshare-cheng), patient, otherwise near-duplicate group",
            **_by_split(own, split),
            "never_trained_on": _counts(pictures.where(lambda row: row.dataset == SEEN_NEVER)),
        },
        "validation": measured(net, own.where(lambda row: split(row) == "validation")),
        "test": measured(net, own.where(lambda row: split(row) == "test")),
        "never_trained_on": _paired(net, pictures.where(lambda row: row.dataset == SEEN_NEVER)),
        "baselines": _baselines(pictures, split),
        "failures": list(_FAILURES),
        "notice": "Not a medical device. Investigational; not for diagnosis.",
    }  # fmt: skip
    path.write_text(json.dumps(rounded(card), indent=1) + "\n")


def measured(net: Shipped, pictures: Pictures) -> dict[str, Any]:
    """What answers are worth: four classes, tumour or none, outlines, false alarms by collection and contrast.

    The four classes are judged on the pool of figshare-cheng and the pictures of its relatives; tumours without an
    outline count there too. Each measure comes with its 95 % interval over patients or near-duplicate groups.
    """
    said = answers(net, pictures.pixels)
    out = {"pool": _pool(net, said, pictures), "outlines": _outlines(said, pictures), "false_alarms": {}}
    threshold = net.calibration.abnormal
    sources = sorted({(row.dataset, row.contrast) for row in pictures.rows if row.label == LABELS[0]})
    for source, contrast in sources:
        at = _at(pictures, lambda row: row.label == LABELS[0] and (row.dataset, row.contrast) == (source, contrast))  # noqa: B023
        out["false_alarms"][f"{source} {contrast}".strip()] = _share(said.tumour >= threshold, at, pictures)
    plaques = _at(pictures, lambda row: row.dataset == "open-ms-data")
    if len(plaques):
        out["false_alarms"]["open-ms-data"] = _share(said.tumour >= threshold, plaques, pictures)
    out["skull_stripped"] = _without_skull(net, pictures)
    return out


def _pool(net: Shipped, said: Answers, pictures: Pictures) -> dict[str, Any]:
    at = _at(pictures, lambda row: row.dataset in _POOL)
    truth = np.array([LABELS.index(pictures.rows[n].label) for n in at])
    tumour, kinds = said.tumour[at], said.kinds[at]
    four = np.concatenate([1 - tumour[:, None], tumour[:, None] * kinds], axis=1)
    chosen = decided(tumour, kinds, net.calibration.abnormal)
    sick, called = truth > 0, tumour >= net.calibration.abnormal
    groups = [pictures.rows[n].twins for n in at]
    wanted: dict[str, _Measure] = {
        "balanced_accuracy": lambda of: balanced_accuracy(truth[of], chosen[of], 4),
        "balanced_accuracy_likeliest": lambda of: balanced_accuracy(truth[of], four[of].argmax(axis=1), 4),
        "auc": lambda of: auc(sick[of], tumour[of]),
        "sensitivity": lambda of: _mean(called[of][sick[of]]),
        "specificity": lambda of: _mean(~called[of][~sick[of]]),
        "calibration_error": lambda of: calibration_error(truth[of], four[of]),
    }
    out: dict[str, Any] = {name: _with_interval(measure, groups) for name, measure in wanted.items()}
    out["recalls"] = dict(zip(LABELS, recalls(truth, chosen, 4).tolist(), strict=True))
    out["confusion"] = [[int(np.sum((truth == one) & (chosen == other))) for other in range(4)] for one in range(4)]
    sure = four.max(axis=1) >= net.calibration.abstain
    out["abstained"] = float(np.mean(~sure))
    out["when_said"] = {"balanced_accuracy": balanced_accuracy(truth[sure], chosen[sure], 4)}
    out["pictures"] = dict(Counter(LABELS[each] for each in truth))
    return out


def _outlines(said: Answers, pictures: Pictures) -> dict[str, Any]:
    at = _at(pictures, lambda row: row.mask is not None)
    groups = [pictures.rows[n].twins for n in at]
    overlap = np.array([dice(said.lesion[n] > 0.5, pictures.masks[n]) for n in at])
    inside = pointed(said.lesion[at], pictures.masks[at])
    names = np.array([pictures.rows[n].label for n in at])
    return {
        "dice": _with_interval(lambda of: float(overlap[of].mean()), groups),
        "pointing": _with_interval(lambda of: float(inside[of].mean()), groups),
        "by_kind": {
            kind: {"dice": float(overlap[names == kind].mean()), "pointing": float(inside[names == kind].mean())}
            for kind in KINDS
            if np.any(names == kind)
        },
    }


def _without_skull(net: Shipped, pictures: Pictures) -> dict[str, Any]:
    """The pool once more, black outside an ellipse inside the head."""
    pool = pictures.where(lambda row: row.dataset in _POOL)
    torch.manual_seed(0)
    small = [
        stripped(torch.from_numpy(pixels).float()[None, None] / 255, torch.from_numpy(mask).float()[None, None], 1.0)
        for pixels, mask in zip(pool.pixels, pool.masks, strict=True)
    ]
    cut = (torch.cat(small)[:, 0] * 255).round().to(torch.uint8).numpy()
    said = answers(net, cut)
    truth = np.array([LABELS.index(row.label) for row in pool.rows])
    chosen = decided(said.tumour, said.kinds, net.calibration.abnormal)
    return {"balanced_accuracy": balanced_accuracy(truth, chosen, 4), "auc": auc(truth > 0, said.tumour)}


def _paired(net: Shipped, pictures: Pictures) -> dict[str, Any]:
    """Tumour against none within volumes: all slices, then without those less than two slices from a tumour.

    Matched: each slice with a tumour only against those without at the same height or one slice away, of any patient.
    Within: only against those of the same patient.
    """
    said = answers(net, pictures.pixels)
    sick = np.array([row.label == "tumour" for row in pictures.rows])
    heights = np.array([row.height for row in pictures.rows])
    patients = np.array([row.patient for row in pictures.rows])
    called = said.tumour >= net.calibration.abnormal
    out: dict[str, Any] = {"abstained": float(np.mean(_likeliest(said) < net.calibration.abstain))}
    clear = sick | np.array([row.distance >= 2 for row in pictures.rows])
    for name, kept in (("all", np.flatnonzero(sick | ~sick)), ("clear", np.flatnonzero(clear))):
        of_sick, score, height, patient = sick[kept], said.tumour[kept], heights[kept], patients[kept]
        groups = patient.tolist()
        within = [auc(of_sick[patient == each], score[patient == each]) for each in sorted(set(groups))]
        out[name] = {
            "auc": _with_interval(lambda of: auc(of_sick[of], score[of]), groups),  # noqa: B023
            "auc_matched": _with_interval(
                lambda of: matched_auc(of_sick[of], score[of], height[of], _NEIGHBOURING),  # noqa: B023
                groups,
            ),
            "auc_within_patients": float(np.nanmean(within)),
            "sensitivity": _mean(called[kept][of_sick]),
            "specificity": _mean(~called[kept][~of_sick]),
            "pictures": {"tumour": int(of_sick.sum()), "no_tumour": int((~of_sick).sum())},
        }
    return out


def _likeliest(said: Answers) -> NDArray[np.floating]:
    return np.asarray(np.maximum(1 - said.tumour, said.tumour * said.kinds.max(axis=1)))


def _baselines(pictures: Pictures, split: Callable[[Picture], str]) -> dict[str, Any]:
    """The nearest of 32 x 32 thumbnails, and a classifier that knows nothing but the collection's name."""
    known = pictures.where(lambda row: split(row) == "train" and row.label in LABELS and row.dataset != SEEN_NEVER)
    test = pictures.where(lambda row: split(row) == "test" and row.dataset in _POOL)
    pairs = pictures.where(lambda row: row.dataset == SEEN_NEVER)
    truth = np.array([LABELS.index(row.label) for row in known.rows])
    four = np.array([LABELS.index(row.label) for row in test.rows])
    sick = np.array([int(row.label == "tumour") for row in pairs.rows])
    usual = {
        source: Counter(row.label for row in known.rows if row.dataset == source).most_common(1)[0][0]
        for source in {row.dataset for row in known.rows}
    }
    share = {
        source: float(np.mean([row.label != LABELS[0] for row in known.rows if row.dataset == source]))
        for source in usual
    }
    named = np.array([LABELS.index(usual[row.dataset]) for row in test.rows])
    return {
        "thumbnail_nearest": nearest(thumbnails(known), truth, thumbnails(test), four),
        "thumbnail_nearest_never_trained_on": {
            "auc": nearest(thumbnails(known), truth, thumbnails(pairs), sick)["auc"]
        },
        "source_only": {
            "balanced_accuracy": balanced_accuracy(four, named, 4),
            "auc": auc(four > 0, np.array([share[row.dataset] for row in test.rows])),
            "auc_never_trained_on": 0.5,
        },
    }


def _share(alarm: NDArray[np.bool_], at: NDArray[np.integer[Any]], pictures: Pictures) -> dict[str, Any]:
    groups = [pictures.rows[n].twins for n in at]
    return {**_with_interval(lambda of: float(alarm[at[of]].mean()), groups), "pictures": len(at)}


def _with_interval(measure: _Measure, groups: list[str]) -> dict[str, Any]:
    return {"value": measure(np.arange(len(groups))), "interval": list(interval(measure, groups, rounds=500))}


def _mean(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else float("nan")


def _at(pictures: Pictures, wanted: Callable[[Picture], bool]) -> NDArray[np.int64]:
    return np.flatnonzero([wanted(row) for row in pictures.rows])


def _by_split(pictures: Pictures, split: Callable[[Picture], str]) -> dict[str, Any]:
    parts = ("train", "validation", "test")
    return {part: _counts(pictures.where(lambda row, part=part: split(row) == part)) for part in parts}  # type: ignore[misc]


def _counts(pictures: Pictures) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for row in pictures.rows:
        counts = out.setdefault(row.dataset, {})
        counts[row.label] = counts.get(row.label, 0) + 1
    return out
