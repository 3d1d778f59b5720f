"""Cards: how far a network can be trusted, from the description that ships beside it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from medarchive.insight.models import WEIGHTS

__all__ = ["card"]

_SHOWN = (
    ("sensitivity", "sensitivity: of the images with something to find, so many are found"),
    ("specificity", "specificity: of the images with nothing to find, so many are left in peace"),
    ("auc", "AUC: how well it tells the two apart at any threshold; 0.5 is a guess, 1 is perfect"),
    ("balanced_accuracy", "balanced accuracy: so many get the right label, every label counting alike"),
)
_OUTLINES = (
    ("dice", "Dice: how well its outline covers the one that an expert drew"),
    ("pointing", "the hottest place of the heat map lies inside the lesion"),
)


@cache
def card(task: str) -> Mapping[str, Any]:
    """What a page says of a task's network: figures with 95 % intervals, thresholds, failures; empty where none is."""
    file = WEIGHTS / f"{task}.json"
    if not task or not file.is_file():
        return {}
    facts = json.loads(file.read_text())
    test = facts.get("test", {})
    limits = facts.get("thresholds", {})
    return {
        "name": facts["name"],
        "figures": _figures(test.get("pool", test), _SHOWN) + _figures(test.get("outlines", {}), _OUTLINES),
        "elsewhere": _figures(facts.get("never_trained_on", {}).get("all", {}), _SHOWN),
        "normal": facts.get("normal", ""),
        "abnormal": limits.get("abnormal", 0.5),
        "abstain": limits.get("abstain", 0.0),
        "withheld": facts.get("withheld", ""),
        "failures": facts.get("failures", []),
    }


def _figures(measures: Mapping[str, Any], wanted: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    found = []
    for name, words in wanted:
        measured = measures.get(name)
        if measured is not None:
            whole = isinstance(measured, dict)
            value, interval = (measured["value"], measured["interval"]) if whole else (measured, None)
            found.append({"words": words, "value": value, "interval": interval})
    return found
