"""How a reading is shown: its label in words, its probabilities as bars, what speaks for and against trusting it."""

from collections.abc import Mapping
from typing import Any

from medarchive.archive.findings import Finding
from medarchive.insight.reading import Reading
from medarchive.view import View
from medarchive.web.detection.cards import card
from medarchive.web.detection.pictures import heat_uri, picture_uri

__all__ = ["LABELS", "bars", "in_words", "shown"]

LABELS: Mapping[str, str] = {
    "no_tumour": "no tumour",
    "tumour": "tumour, of any kind",
    "pituitary": "pituitary tumour",
    "likely_benign": "likely benign",
    "likely_malignant": "likely malignant",
    "bacteria": "pneumonia that looks bacterial",
    "virus": "pneumonia that looks viral",
    "pneumonia": "pneumonia, of any kind",
}
_SUMS = ("tumour", "pneumonia")


def in_words(label: str) -> str:
    """A label as people say it."""
    return LABELS.get(label, label)


def bars(probabilities: Mapping[str, float]) -> list[dict[str, object]]:
    """Probabilities as bars, the highest first, sums last."""
    ordered = sorted(probabilities.items(), key=lambda each: (each[0] in _SUMS, -each[1]))
    return [{"label": in_words(label), "value": value, "percent": round(100 * value)} for label, value in ordered]


def shown(reading: Reading | Finding, view: View | None = None) -> dict[str, Any]:
    """What the template of a reading needs."""
    heat = reading.heat if isinstance(reading, Reading) else None
    if isinstance(reading, Finding):
        model = {"name": reading.model, "version": reading.model_version, "sha256": reading.model_sha256}
    else:
        model = {} if reading.model is None else {n: getattr(reading.model, n) for n in ("name", "version", "sha256")}
    return {
        "reading": reading,
        "read": bool(reading.anatomy),
        "finding": in_words(reading.finding),
        "bars": bars(reading.probabilities),
        "model": model if model.get("name") else None,
        "card": card(reading.task),
        "picture": picture_uri(view) if view is not None else "",
        "heat": heat_uri(view, heat) if view is not None and heat is not None else "",
        "size": view.values.shape if view is not None else None,
    }
