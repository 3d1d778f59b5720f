"""A reader of images without networks, for tests: it decides by brightness, always in the same way."""

from collections.abc import Sequence

import numpy as np

from medarchive.insight.picture import SIDE, square
from medarchive.insight.reading import LABELS, ModelId, Reading, SeriesReading, not_read
from medarchive.view import Evidence, View

VERSION = "0123456789abcdef"
BRAIN = ModelId("brain", "1", "b" * 64)
LUNG = ModelId("lung-ct", "1", "c" * 64)


class BrightnessReader:
    """Bright is a brain with a tumour, the brighter the likelier; grey is a lung; dark is something else."""

    def __init__(self, version: str = VERSION) -> None:
        self.version = version
        self.models = (BRAIN, LUNG)
        self.asked: list[int] = []
        self.evidence: list[Evidence] = []

    def read(
        self,
        views: Sequence[View],
        evidence: Evidence = Evidence(),  # noqa: B008  # frozen
        asked: str = "",
    ) -> SeriesReading:
        self.asked.append(len(views))
        self.evidence.append(evidence)
        readings = tuple(self._one(view, asked) for view in views)
        strongest = max(range(len(views)), key=lambda number: readings[number].probabilities.get("tumour", 0.0))
        best = readings[strongest]
        return SeriesReading(readings, best, strongest)

    def _one(self, view: View, asked: str = "") -> Reading:
        shown = view.shown()
        if min(shown.shape) < 8:
            return not_read(f"the image has {shown.shape[0]} x {shown.shape[1]} pixels: too few to read")
        if np.ptp(shown) == 0:
            return not_read("the image is of one grey throughout")
        bright = float(shown.mean())
        small = square(shown).reshape(16, SIDE // 16, 8, SIDE // 8).mean((1, 3)).ravel()
        embedding = (small / np.linalg.norm(small)).astype(np.float32)
        if asked:
            model, task = (BRAIN, "brain") if asked == "brain" else (LUNG, "lung-ct")
            labels = dict.fromkeys(LABELS[task], 1 / len(LABELS[task]))
            reason = f"taken for {asked} because somebody said so"
            return Reading(asked, 0.1, "", labels, True, reason, task, square(shown), embedding, model)
        if bright < 0.2:
            return Reading("other", 1 - bright, embedding=embedding)
        if bright < 0.5:
            labels = {"normal": 0.7, "benign": 0.1, "malignant": 0.2}
            return Reading("lung", 0.9, "normal", labels, task="lung-ct", embedding=embedding, model=LUNG)
        labels = {"no_tumour": 1 - bright, "glioma": bright, "meningioma": 0.0, "pituitary": 0.0, "tumour": bright}
        heat = square(shown)
        if bright < 0.6:
            reason = f"tumour {bright:.2f} is between the thresholds"
            return Reading("brain", 0.9, "", labels, True, reason, "brain", heat, embedding, BRAIN)
        return Reading("brain", 0.9, "glioma", labels, False, "", "brain", heat, embedding, BRAIN)
