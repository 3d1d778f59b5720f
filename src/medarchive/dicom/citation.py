"""Citation: how a new object refers to a frame of an image."""

from pydicom.dataset import Dataset

__all__ = ["cited_frame"]

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SINGLE = frozenset(
    f"{_STORAGE}{number}"
    for number in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "4", "6", "6.1", "7", "128")
)
"""Storage SOP classes whose images have one frame, whatever they say: its number must not be named (PS3.3 10.3)."""


def cited_frame(source: Dataset, frame: int | None) -> int | None:
    """The number by which a reference names a frame, from 1; None where it names the whole image.

    Args:
        source: the header of the image.
        frame: from 0; None for the whole image.
    """
    several = str(source.get("NumberOfFrames") or "1").strip() not in ("0", "1")
    return None if frame is None or not several or str(source.SOPClassUID) in _SINGLE else frame + 1
