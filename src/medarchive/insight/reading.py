"""Reading: what a reader of images says of one picture and of a series of them, and what it has to be able to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medarchive.view import Evidence, View

__all__ = ["DIMENSIONS", "LABELS", "ModelId", "Reader", "Reading", "SeriesReading", "can_read", "not_read"]

LABELS: Mapping[str, tuple[str, ...]] = {
    "brain": ("no_tumour", "glioma", "meningioma", "pituitary", "tumour"),
    "lung-ct": ("normal", "benign", "malignant"),
    "lung-nodule": ("likely_benign", "likely_malignant"),
    "chest-xray": ("normal", "pneumonia", "bacteria", "virus"),
}
"""What each task's network gives probabilities of; ``tumour`` is the sum of three of them, ``pneumonia`` of two."""

DIMENSIONS = 128
"""Of an embedding."""


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which network it was.

    Attributes:
        name: ``brain``.
        version: its maker's number for it.
        sha256: of its weights' file, in hexadecimal.
    """

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What was read in one picture, or in all pictures of a series together.

    Attributes:
        anatomy: ``brain``, ``lung`` or ``other``; "" where nothing was read.
        anatomy_probability: 0 to 1.
        finding: one of the labels; "" where there is none to give: other anatomy, abstained, not read.
        probabilities: by label, 0 to 1; empty where no network of a task was asked.
        abstained: whether it would rather not say.
        reason: why it abstained or did not read, and that somebody said what it shows; "" otherwise.
        task: which network read it, a key of ``LABELS``; "" where none did.
        heat: shape (256, 256), 0 to 1, over the square that the picture was put in; None where there is none.
        embedding: shape (128,), of length 1; None where nothing was read.
        model: the task's network; None where none was asked.
    """

    anatomy: str = ""
    anatomy_probability: float = 0.0
    finding: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    abstained: bool = False
    reason: str = ""
    task: str = ""
    heat: NDArray[np.float32] | None = None
    embedding: NDArray[np.float32] | None = None
    model: ModelId | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SeriesReading:
    """What was read in several pictures of one series.

    Attributes:
        readings: one for each, in their order.
        pooled: of all together.
        strongest: number of the picture that carries the finding.
    """

    readings: tuple[Reading, ...]
    pooled: Reading
    strongest: int


class Reader(Protocol):
    """Reads images. What cannot be read is a Reading that says so, never an exception and never a finding."""

    @property
    def version(self) -> str:
        """16 hexadecimal digits that change with any of its models."""
        ...

    @property
    def models(self) -> tuple[ModelId, ...]:
        """Its networks."""
        ...

    def read(
        self,
        views: Sequence[View],
        evidence: Evidence = Evidence(),  # noqa: B008  # frozen
        asked: str = "",
    ) -> SeriesReading:
        """Read pictures of one series, at least one.

        Args:
            views: in spatial order.
            evidence: what their headers say.
            asked: the anatomy that somebody says they show, ``brain`` or ``lung``; "": the reader finds out.
        """
        ...


def not_read(reason: str) -> Reading:
    """That nothing was read, and why."""
    return Reading(reason=reason)


def can_read() -> bool:
    """Whether what runs the networks is installed here (the extra ``insight``). Imports nothing."""
    return find_spec("onnxruntime") is not None
