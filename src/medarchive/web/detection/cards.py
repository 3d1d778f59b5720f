"""Cards: how far a network can be trusted, from the description that ships beside it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from medarchive.insight.models import WEIGHTS

__all__ = ["card"]

_SHOWN = (
    ("sensitivity", "finds of those with something"),
    ("specificity", "leaves in peace of those without"),
    ("auc", "AUC"),
    ("balanced_accuracy", "names the right one, every label counting alike"),
)


@cache
def card(task: str) -> Mapping[str, Any]:
    """What a page says of a task's network: figures with 95 % intervals, thresholds, failures; empty where none is."""
    file = WEIGHTS / f"{task}.json"
    if not task or not file.is_file():
        return {}
    facts = json.loads(file.read_text())
    test = facts.get("test", {})
    measures = test.get("pool", test)
    return {
        "name": facts["name"],
        "figures": [
            {"words": words, "value": measures[name]["value"], "interval": measures[name]["interval"]}
            for name, words in _SHOWN
            if name in measures
        ],
        "abnormal": facts.get("thresholds", {}).get("abnormal", 0.5),
        "abstain": facts.get("thresholds", {}).get("abstain", 0.0),
        "withheld": facts.get("withheld", ""),
        "failures": facts.get("failures", []),
    }
