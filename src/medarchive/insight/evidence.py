"""Evidence: how much a header speaks for each anatomy. It is weighed against the pixels, never believed alone.

For each class of the router: the chance that an image of it has such a Modality (0008,0060), times the chance that it
has such a Body Part Examined (0018,0015). They are estimates, not counts. The ratio of each to the likeliest is cut at
a fiftieth, so that no header outweighs pixels that are sure. A value that says nothing, or is not known, counts for
nothing.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.view import Evidence

__all__ = ["FLOOR", "likelihood"]

FLOOR = 0.02
"""The least that a header leaves of an anatomy's probability."""

_SELDOM = 0.003
_MODALITIES = {
    "brain-mr": {"MR": 0.97},
    "brain-ct": {"CT": 0.97},
    "lung-ct": {"CT": 0.97},
    "lung-nodule": {"CT": 0.97},
    "chest-xray": {"CR": 0.45, "DX": 0.45, "DR": 0.45, "RG": 0.45, "XA": 0.02, "RF": 0.05},
    "other": {"MR": 0.2, "CT": 0.3, "CR": 0.15, "DX": 0.15, "DR": 0.15, "RG": 0.15, "PT": 0.1, "US": 0.1, "MG": 0.1,
              "NM": 0.1, "RTIMAGE": 0.1, "XA": 0.1, "RF": 0.1, "IO": 0.1, "PX": 0.1, "OP": 0.1, "ES": 0.1, "GM": 0.1,
              "SM": 0.1, "XC": 0.1, "IVUS": 0.1, "OCT": 0.1, "BMD": 0.1},
}  # fmt: skip
_REGIONS = {
    "brain-mr": {"head": 0.95},
    "brain-ct": {"head": 0.95},
    "lung-ct": {"chest": 0.85, "trunk": 0.12},
    "lung-nodule": {"chest": 0.85, "trunk": 0.12},
    "chest-xray": {"chest": 0.9, "trunk": 0.05},
    "other": {"head": 0.1, "chest": 0.2, "trunk": 0.35, "far": 0.35},
}
_WORDS = {
    "head": "BRAIN HEAD SKULL CEREBR CRANI PITUITAR SELLA",
    "chest": "CHEST LUNG THORA HEART MEDIASTIN",
    "trunk": "ABDOM PELVI LIVER KIDNEY STOMACH PANCREAS SPLEEN COLON BLADDER PROSTAT UTER SPINE BODY TRUNK",
    "far": "BREAST HAND WRIST FINGER ARM ELBOW SHOULDER LEG KNEE FOOT ANKLE TOE HIP EXTREMIT FEMUR TIBIA HUMERUS CALF "
    "THIGH JAW TOOTH TEETH EYE",
}


def likelihood(evidence: Evidence, classes: Sequence[str]) -> NDArray[np.float64]:
    """What a header makes of each class: 1 for the likeliest, at least ``FLOOR`` for the others; all 1 without any.

    Args:
        evidence: from the header.
        classes: of the router, in its order.

    Example:
        >>> from medarchive.view import Evidence
        >>> likelihood(Evidence("MR", "BRAIN"), ["brain-mr", "lung-ct", "other"]).round(2).tolist()
        [1.0, 0.02, 0.02]
    """
    found = np.ones(len(classes))
    if any(evidence.modality in known for known in _MODALITIES.values()):
        found *= [_MODALITIES[each].get(evidence.modality, _SELDOM) for each in classes]
    regions = _regions(evidence.body_part)
    if regions:
        found *= [max(_REGIONS[each].get(region, _SELDOM) for region in regions) for each in classes]
    return np.asarray(np.maximum(found / found.max(), FLOOR), np.float64)


def _regions(body_part: str) -> list[str]:
    """Those that a body part is in: several for CHESTABDPELVIS, none where the word is not known."""
    return [
        region
        for region, words in _WORDS.items()
        if re.search("|".join(words.split()), body_part.replace("FOREHEAD", ""))
    ]
