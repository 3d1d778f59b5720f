"""Fidelity: whether a reader decides otherwise once an image has gone through a lossy codec."""

from collections.abc import Callable, Sequence

from medarchive.codecs.fidelity import Decision
from medarchive.image import Image
from medarchive.insight.reading import Reader
from medarchive.view import Evidence, View

__all__ = ["decision"]

_NO_EVIDENCE = Evidence()


def decision(reader: Reader, views: Callable[[Image], Sequence[View]], evidence: Evidence = _NO_EVIDENCE) -> Decision:
    """What a reader decides on an image, in a form that ``codecs.fidelity.judge`` can compare.

    An image of several frames is read as a series. Anatomy, finding and abstention count, probabilities do not. An
    image that cannot be read decides nothing, before as after: it does not fail for that.

    Args:
        reader: that decides.
        views: of an image's frames, for instance with ``dicom.display.view`` and the object's header.
        evidence: what the header says.

    Example:
        >>> from medarchive.codecs.fidelity import judge
        >>> judge(original, decoded, profile, decision=decision(reader, views)).passed  # doctest: +SKIP
        True
    """

    def decide(image: Image) -> object:
        pooled = reader.read(views(image), evidence).pooled
        return {"anatomy": pooled.anatomy, "finding": pooled.finding, "abstained": pooled.abstained}

    return decide
