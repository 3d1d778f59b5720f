"""Display: the values of a slice as they are read, rescaled and within a window."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from medarchive.codecs.fidelity import Rescale
from medarchive.dicom.subject import read_subject
from medarchive.errors import NotDicom
from medarchive.image import Image

__all__ = ["Display", "display_of"]

_WINDOW = ("WindowCenter", "WindowWidth")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_LOW, _HIGH = 1, 99


@dataclass(frozen=True, slots=True)
class Display:
    """How a frame is shown.

    Attributes:
        low: the value that is black, in stored units.
        high: the value that is white; above ``low``.
        stated: whether the header says so, and not the image's own values.
        rescale: from stored values to those of the Modality LUT; the identity where there is none.
    """

    low: float
    high: float
    stated: bool
    rescale: Rescale


def display_of(path: Path, frame: int, image: Image) -> Display:
    """The first window of a frame's header (PS3.3 C.11.2.1.2, linear), or the 1 to 99 % range of its values.

    The second also where the header's shows nothing of the frame: all of its values black, or all of them white.

    Args:
        path: a Part 10 file.
        frame: the number in the file, from 0.
        image: the frame.
    """
    header = _header(path)
    rescale = _rescale(path)
    centre, width = (_number(header, frame, keyword) for keyword in _WINDOW)
    if centre is not None and width is not None and width > 1:
        ends = ((centre - 0.5 + side * (width - 1) / 2 - rescale.intercept) / rescale.slope for side in (-1, 1))
        low, high = sorted(ends)
        if float(image.pixels.min()) < high and float(image.pixels.max()) > low:
            return Display(low, high, stated=True, rescale=rescale)
    low, high = (float(value) for value in np.percentile(image.pixels, (_LOW, _HIGH)))
    if high <= low:
        low, high = float(image.pixels.min()), float(image.pixels.max())
    return Display(low, max(high, low + 1), stated=False, rescale=rescale)


def _rescale(path: Path) -> Rescale:
    try:
        with path.open("rb") as stream:
            return read_subject(stream).rescale
    except NotDicom:
        return Rescale()


def _header(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values count as absent
        try:
            return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_WINDOW, *_GROUPS])
        except Exception:  # noqa: BLE001  # whatever pydicom makes of a header that the pixels did without
            return Dataset()


def _number(header: Dataset, frame: int, keyword: str) -> float | None:
    """The first value of an attribute: of the data set, of all frames (PS3.3 C.7.6.16), or of this one."""
    shared, each = (header.get(keyword) or () for keyword in _GROUPS)
    for place in (header, *shared[:1], *each[frame : frame + 1]):
        for inside in (place, *(place.get("FrameVOILUTSequence") or ())):
            value = _first(inside, keyword)
            if value is not None:
                return value
    return None


def _first(dataset: Dataset, keyword: str) -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value: Any = dataset.get(keyword)
            number = float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
        except (TypeError, ValueError, IndexError):
            return None
    return number if np.isfinite(number) else None
