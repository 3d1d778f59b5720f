"""Router: what part of the body each picture shows, whether anyone knows, and where it stands among other pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.evidence import likelihood
from medarchive.insight.models import Network
from medarchive.view import Evidence

__all__ = ["Route", "Router"]

_PARTS = {"brain-mr": "brain", "brain-ct": "brain", "lung-ct": "lung", "lung-nodule": "lung", "chest-xray": "lung"}
_NAMES = {
    "brain-mr": "MR of the head",
    "brain-ct": "CT of the head",
    "lung-ct": "CT of the chest",
    "lung-nodule": "a patch of a lung",
    "chest-xray": "an X-ray of the chest",
    "other": "another part of the body",
}
_STRONG = 0.8
_AGAINST = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What the router says of one picture.

    Attributes:
        kind: one of its classes.
        anatomy: brain, lung or other.
        probability: of the anatomy, after the header has been weighed; 0 to 1.
        abstained: that it does not know; the anatomy is then ``other``.
        reason: why it does not know; "" where it does.
        embedding: (128,), unit length.
        shares: probability of brain, lung and other.
    """

    kind: str
    anatomy: str
    probability: float
    abstained: bool
    reason: str
    embedding: NDArray[np.float32]
    shares: dict[str, float]


class Router:
    """Decides by the pixels, weighs the header, and says "I don't know".

    It does not know a picture whose energy or whose distance from every prototype is beyond what nearly all validation
    pictures of known anatomies have, one whose most likely anatomy has a probability under ``sure``, and one whose
    pixels are sure of what its header all but excludes.
    """

    def __init__(self, model: Network) -> None:
        """Take a network with the outputs ``classes``, ``energy``, ``distance`` and ``embedding``."""
        self._model = model
        self._classes: Sequence[str] = model.facts["labels"]
        self._limits: Any = model.facts["thresholds"]

    def route(self, pictures: NDArray[np.float32], evidence: Evidence, asked: str = "") -> list[Route]:
        """Say of each picture what it shows.

        Args:
            pictures: (n, 256, 256), 0 to 1, at least one.
            evidence: what their header says.
            asked: an anatomy that somebody says they show: brain or lung. Then only its kinds are chosen among.
        """
        outputs = self._model.run(pictures)
        header = likelihood(evidence, self._classes)
        return [
            self._route(
                outputs["classes"][number],
                header,
                evidence,
                bool(outputs["energy"][number] > self._limits["energy"])
                or bool(outputs["distance"][number] > self._limits["distance"]),
                outputs["embedding"][number],
                asked,
            )
            for number in range(len(pictures))
        ]

    def _route(
        self,
        pixels: NDArray[np.float32],
        header: NDArray[np.float64],
        evidence: Evidence,
        strange: bool,
        embedding: NDArray[np.float32],
        asked: str,
    ) -> Route:
        weighed = pixels * header
        weighed = weighed / weighed.sum()
        shares, seen = self._shares(weighed), self._shares(pixels)
        kind = self._classes[int(weighed.argmax())]
        anatomy = max(shares, key=lambda each: shares[each])
        looks = max(seen, key=lambda each: seen[each])
        against = self._best(header, looks)
        reason = ""
        if looks != "other" and seen[looks] >= _STRONG and against <= _AGAINST:
            name = _NAMES[self._classes[int(pixels.argmax())]]
            said = " ".join(filter(None, (evidence.modality, evidence.body_part)))
            reason = f"the pixels look like {name}, but the header says {said}"
        elif anatomy != "other" and strange:
            reason = f"unlike the pictures that the router knows; nearest to {_NAMES[kind]}"
        elif shares[anatomy] < self._limits["sure"]:
            reason = f"not sure what it shows; most likely {_NAMES[kind]}"
        if asked:
            kinds = [number for number, name in enumerate(self._classes) if _PARTS.get(name) == asked]
            kind = self._classes[max(kinds, key=lambda number: float(weighed[number]))]
            said = reason or ("" if anatomy == asked else f"by itself it would say {anatomy}")
            told = "; ".join(filter(None, (f"taken for {asked} because somebody said so", said)))
            return Route(kind, asked, shares[asked], False, told, embedding, shares)
        if reason:
            return Route("other", "other", shares["other"], True, reason, embedding, shares)
        return Route(kind, anatomy, shares[anatomy], False, "", embedding, shares)

    def _shares(self, probabilities: NDArray[Any]) -> dict[str, float]:
        """Probability of each anatomy: classes of one add up."""
        shares = {"brain": 0.0, "lung": 0.0, "other": 0.0}
        for name, value in zip(self._classes, probabilities, strict=True):
            shares[_PARTS.get(name, "other")] += float(value)
        return shares

    def _best(self, header: NDArray[np.float64], anatomy: str) -> float:
        """How much a header leaves of an anatomy, in the kind that it leaves most of."""
        kinds = zip(self._classes, header, strict=True)
        return max(float(value) for name, value in kinds if _PARTS.get(name, "other") == anatomy)
