"""Place: where a slice lies among those of its series, from its header."""

import io
import math
import re

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from medarchive.dicom.part10 import read_header
from medarchive.errors import DicomError

__all__ = ["Place", "place", "place_of"]

Place = tuple[tuple[float, ...], float, int]
"""Sorts slices: the normal of the plane, the position along it in mm, the Instance Number."""

_POSITION, _ORIENTATION, _NUMBER = 0x00200032, 0x00200037, 0x00200013


def place(head: bytes) -> Place:
    """The place of a slice (PS3.3 C.7.6.2), from its file up to the pixel data.

    Where position or orientation are not there, the normal is empty and the Instance Number alone sorts. Never raises.
    """
    try:
        header = read_header(io.BytesIO(head))
    except DicomError:
        return (), 0.0, 0
    return _placed(header.text(_NUMBER, "IS"), header.text(_POSITION, "DS"), header.text(_ORIENTATION, "DS"))


def place_of(dataset: Dataset) -> Place:
    """The same from a data set."""
    return _placed(_text(dataset, _NUMBER), _text(dataset, _POSITION), _text(dataset, _ORIENTATION))


def _placed(number: str, where: str, axes: str) -> Place:
    """The place by the texts of the three attributes."""
    number = number.strip(" \0")
    counted = int(number) if re.fullmatch(r"[+-]?\d{1,12}", number) else 0
    position, orientation = _numbers(where, 3), _numbers(axes, 6)
    if not (position and orientation):
        return (), 0.0, counted
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    along = math.fsum(n * p for n, p in zip(normal, position, strict=True))
    return tuple(round(n, 2) + 0.0 for n in normal), round(along, 3), counted


def _numbers(text: str, count: int) -> tuple[float, ...]:
    """So many finite numbers, or none."""
    try:
        values = tuple(float(part) for part in text.strip(" \0").split("\\"))
    except ValueError:
        return ()
    return values if len(values) == count and all(math.isfinite(value) and abs(value) < 1e6 for value in values) else ()


def _text(dataset: Dataset, tag: int) -> str:
    """The values of an element, joined by a backslash."""
    try:
        value = dataset[tag].value
    except Exception:  # noqa: BLE001  # absent, or what pydicom raises on odd values: these have no common root
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
