"""How a reading is shown: its label in words, its probabilities as bars, what speaks for and against trusting it."""

from collections.abc import Mapping
from typing import Any

from medarchive.archive.findings import Finding
from medarchive.insight.reading import LABELS, Reading
from medarchive.web.detection.cards import card

__all__ = ["CHOICES", "bars", "in_words", "shown"]

_WORDS: Mapping[str, str] = {
    "no_tumour": "no tumour",
    "tumour": "tumour, of any kind",
    "pituitary": "pituitary tumour",
    "likely_benign": "likely benign",
    "likely_malignant": "likely malignant",
    "bacteria": "pneumonia that looks bacterial",
    "virus": "pneumonia that looks viral",
}
_SUMS = ("tumour", "pneumonia")
_DECIDES = ("tumour", "pneumonia", "likely_malignant")
"""Labels whose probability is what the threshold for a finding is held against."""


def in_words(label: str) -> str:
    """A label as people say it."""
    return _WORDS.get(label, label)


def bars(probabilities: Mapping[str, float], threshold: float | None = None) -> list[dict[str, object]]:
    """Probabilities as bars, the highest first, sums last.

    Args:
        probabilities: by label, 0 to 1.
        threshold: from which on there is a finding, to be marked on the bar that it is held against.
    """
    ordered = sorted(probabilities.items(), key=lambda each: (each[0] in _SUMS, -each[1]))
    return [
        {
            "label": in_words(label),
            "value": value,
            "percent": round(100 * value),
            "mark": round(100 * threshold) if threshold is not None and label in _DECIDES else None,
        }
        for label, value in ordered
    ]


def shown(reading: Reading | Finding) -> dict[str, Any]:
    """What the template of a reading needs."""
    if isinstance(reading, Finding):
        model = {"name": reading.model, "version": reading.model_version, "sha256": reading.model_sha256}
    else:
        model = {} if reading.model is None else {n: getattr(reading.model, n) for n in ("name", "version", "sha256")}
    facts = card(reading.task)
    return {
        "reading": reading,
        "read": bool(reading.anatomy),
        "finding": in_words(reading.finding),
        "probability": reading.probabilities.get(reading.finding),
        "bars": bars(reading.probabilities, facts.get("abnormal") if facts and not facts["withheld"] else None),
        "model": model if model.get("name") else None,
        "card": facts,
        "normal": in_words(facts.get("normal", "")),
    }


CHOICES: Mapping[str, list[tuple[str, str]]] = {
    task: [(label, in_words(label)) for label in (*labels, *(("pneumonia",) if task == "chest-xray" else ()))]
    for task, labels in LABELS.items()
}
"""What a clinician may say that it is instead, by task: labels, and the same in words."""
