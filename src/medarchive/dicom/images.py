"""Images: which storage SOP classes are pictures that a reader of images can be shown (PS3.4 B.5)."""

from functools import cache

__all__ = ["is_image"]

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_FAMILIES = frozenset(("1", "2", "3", "4", "5", "6", "7", "12", "13", "14", "20", "77", "128", "130"))
"""The number after the root: CR and DX, CT, US of several frames, MR, NM and US of before, US, secondary capture, XA,
RF, tomosynthesis, intravascular, NM, visible light, PET and its enhanced form."""
_NONE = ("4.2", "77.1.5.3")
"""MR Spectroscopy and Stereometric Relationship have no pixels."""


@cache
def is_image(sop_class: str) -> bool:
    """Whether objects of a SOP class are images: no report, presentation state, segmentation, plan or document."""
    if not sop_class.startswith(_STORAGE):
        return False
    rest = sop_class.removeprefix(_STORAGE)
    return rest.partition(".")[0] in _FAMILIES and rest not in _NONE
