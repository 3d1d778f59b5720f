"""Made: networks that answer what a test wants, and views of made-up pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.reading import ModelId
from medarchive.view import View

KINDS = ("brain-mr", "brain-ct", "lung-ct", "lung-nodule", "chest-xray", "other")


class Made:
    """A network whose outputs follow from the mean of each picture: the k-th of its rows, for a mean of k tenths."""

    def __init__(self, name: str, facts: Mapping[str, Any], **rows: list[Any]) -> None:
        self.id = ModelId(name, "1", name.ljust(64, "0"))
        self.facts = facts
        self.rows = {key: np.asarray(value, np.float32) for key, value in rows.items()}
        self.seen: list[NDArray[np.float32]] = []

    def run(self, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        self.seen.append(pictures)
        count = len(next(iter(self.rows.values())))
        chosen = np.clip(np.rint(pictures.mean(axis=(1, 2)) * 10).astype(int), 0, count - 1)
        return {key: rows[chosen] for key, rows in self.rows.items()}


def one_hot(kind: str, sure: float = 0.99) -> list[float]:
    """Probabilities of the router's classes."""
    return [sure if each == kind else (1 - sure) / (len(KINDS) - 1) for each in KINDS]


def router(*kinds: str, sure: float = 0.99, strange: bool = False) -> Made:
    """A router that says the k-th kind of a picture whose mean is k tenths."""
    vectors = np.zeros((len(kinds), 128), np.float32)
    vectors[np.arange(len(kinds)), np.arange(len(kinds))] = 1
    return Made(
        "router",
        {"labels": KINDS, "thresholds": {"energy": 0.0, "distance": 0.5, "sure": 0.6}},
        classes=[one_hot(kind, sure) for kind in kinds],
        energy=[1.0 if strange else -1.0] * len(kinds),
        distance=[0.1] * len(kinds),
        embedding=list(vectors),
    )


def view(tenths: int, side: int = 64, *, hounsfield: bool = False) -> View:
    """A square whose mean as shown is so many tenths, with a little texture."""
    texture = np.linspace(-0.04, 0.04, side * side, dtype=np.float32).reshape(side, side)
    grey = np.clip(tenths / 10 + texture, 0, 1) * 255
    return View(grey.astype(np.float32), (127.5, 255.0), hounsfield=hounsfield)


BRAIN = {"labels": ["no_tumour", "glioma", "meningioma", "pituitary"], "thresholds": {"abnormal": 0.4, "abstain": 0.3}}
"""Facts of ``brain``."""


def brain() -> Made:
    """Tumours of 0, 0.1, 0.2... for means of 0, 0.1, 0.2..., meningiomas most likely."""
    tumour = np.arange(11, dtype=np.float32) / 10
    return Made(
        "brain",
        BRAIN,
        tumour=list(tumour),
        kinds=[[0.1, 0.7, 0.2]] * 11,
        lesion=list(np.broadcast_to(tumour[:, None, None], (11, 256, 256))),
    )
