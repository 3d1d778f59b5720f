"""Showing: what a viewer has to know of a frame to show its stored values, as plain numbers and words."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from medarchive.dicom.display import lookup, or_else, photometric_of, voi_table, window_of
from medarchive.dicom.groups import macro
from medarchive.dicom.padding import padding_range
from medarchive.dicom.subject import rescale_of, text_of

__all__ = ["KEYWORDS", "showing", "tables"]

KEYWORDS = (
    *("Modality", "Rows", "Columns", "NumberOfFrames", "PhotometricInterpretation", "SamplesPerPixel"),
    *("BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "RescaleType"),
    *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction", "PixelSpacing"),
    *("PixelSpacingCalibrationType", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    *("PixelAspectRatio", "ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber"),
    *("SliceThickness", "FrameTime", "RecommendedDisplayFrameRate", "CineRate"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ModalityLUTSequence"),
    *("VOILUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "SequenceOfUltrasoundRegions"),
    *("ImageLaterality", "ViewPosition"),
)
"""The attributes that are read."""
_NO_REGIONS: list[list[float]] = []
_CENTIMETRES = 3
"""Physical Units (0018,6024): cm."""


def showing(dataset: Dataset, frame: int = 0) -> dict[str, Any]:
    """What a viewer needs for a frame. What is odd about a header counts as absent.

    Args:
        dataset: the header, with its File Meta Information.
        frame: from 0.

    Returns:
        ``slope``, ``intercept`` and ``unit`` ("HU" or "") of the stored values; ``window``: centre, width and function,
        or None; ``inverted``: lowest value white; ``padding``: lowest and highest stored value that is none, or None;
        ``spacing``: between rows and between columns in mm, or None, and ``measured``, where that holds ("patient",
        "detector", "calibrated", "nominal"); ``aspect``: height of a pixel by its width; ``axes``: direction cosines of
        rows and columns, or None; ``thickness`` in mm or None; ``regions`` of ultrasound: left, top, right, bottom and
        mm by pixel across and down; ``milliseconds`` a frame, or None; ``tables``: whether look-up tables take the
        place of slope or window.
    """
    linear = _place(dataset, "PixelValueTransformationSequence", frame)
    rescale = or_else(None, lambda: rescale_of(linear) if "RescaleSlope" in linear else None)
    spacing, measured = _spacing(dataset, frame)
    return {
        "slope": rescale.slope if rescale else 1.0,
        "intercept": rescale.intercept if rescale else 0.0,
        "unit": rescale.unit if rescale else "",
        "window": _window(dataset, frame),
        "inverted": or_else("", lambda: photometric_of(dataset)) == "MONOCHROME1",
        "padding": or_else(None, lambda: _padding(dataset)),
        "spacing": spacing,
        "measured": measured,
        "aspect": _aspect(dataset, spacing),
        "axes": _numbers(lambda: _place(dataset, "PlaneOrientationSequence", frame).ImageOrientationPatient, 6),
        "thickness": _number(lambda: _place(dataset, "PixelMeasuresSequence", frame).SliceThickness),
        "regions": or_else(_NO_REGIONS, lambda: _regions(dataset)),
        "milliseconds": _milliseconds(dataset),
        "tables": bool(dataset.get("ModalityLUTSequence")) or bool(dataset.get("VOILUTSequence")),
    }


def tables(dataset: Dataset) -> dict[str, Any]:
    """The look-up tables of an object that can be followed; None: there is none.

    Returns:
        ``modality`` and ``voi``: ``first``, the value that has the first entry, and ``entries``: modality values, or
        grey from 0 to 1.
    """
    found = {
        "modality": or_else(None, lambda: lookup(dataset, "ModalityLUTSequence")),
        "voi": voi_table(dataset),
    }
    return {
        name: None if table is None else {"first": table.first, "entries": np.round(table.entries, 5).tolist()}
        for name, table in found.items()
    }


def _place(dataset: Dataset, keyword: str, frame: int) -> Dataset:
    """Where attributes of a functional group stand: in its item, or at the top level."""
    found = or_else(None, lambda: macro(dataset, keyword, frame))
    return dataset if found is None else found


def _window(dataset: Dataset, frame: int) -> list[object] | None:
    for place in (_place(dataset, "FrameVOILUTSequence", frame), dataset):
        found = window_of(place)
        if found is not None and found[0] is not None:
            return [*found[0], found[1]]
    return None


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    return padding_range(dataset, signed=int(dataset.get("PixelRepresentation") or 0) == 1)


def _spacing(dataset: Dataset, frame: int) -> tuple[list[float] | None, str]:
    """Distances of pixels and where they hold (PS3.3 10.7.1.3)."""
    place = _place(dataset, "PixelMeasuresSequence", frame)
    patient = _positive(lambda: place.PixelSpacing)
    detector = _positive(lambda: dataset.ImagerPixelSpacing)
    if patient is not None:
        if text_of(dataset, "PixelSpacingCalibrationType") or (detector is not None and detector != patient):
            return patient, "calibrated"
        return patient, "patient" if detector is None else "detector"
    if detector is not None:
        return detector, "detector"
    nominal = _positive(lambda: dataset.NominalScannedPixelSpacing)
    return nominal, "nominal" if nominal is not None else ""


def _aspect(dataset: Dataset, spacing: list[float] | None) -> float:
    given = spacing or _positive(lambda: dataset.PixelAspectRatio)
    return given[0] / given[1] if given else 1.0


def _regions(dataset: Dataset) -> list[list[float]]:
    """Calibrated regions of an ultrasound image (PS3.3 C.8.5.5)."""
    found = []
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        units = (item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection"))
        if units == (_CENTIMETRES, _CENTIMETRES):
            corners = (item.RegionLocationMinX0, item.RegionLocationMinY0)
            ends = (item.RegionLocationMaxX1, item.RegionLocationMaxY1)
            deltas = (10 * abs(float(item.PhysicalDeltaX)), 10 * abs(float(item.PhysicalDeltaY)))
            found.append([float(each) for each in (*corners, *ends, *deltas)])
    return [each for each in found if all(math.isfinite(number) for number in each)]


def _milliseconds(dataset: Dataset) -> float | None:
    """How long a frame of a film stands (PS3.3 C.7.6.5)."""
    time = _number(lambda: dataset.FrameTime)
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = _number(lambda keyword=keyword: dataset[keyword].value)  # type: ignore[misc]
        time = 1000 / rate if time is None and rate else time
    return time if time and time > 0 else None


def _positive(read: Callable[[], Any]) -> list[float] | None:
    found = _numbers(read, 2)
    return found if found and min(found) > 0 else None


def _numbers(read: Callable[[], Any], count: int) -> list[float] | None:
    """So many finite numbers, or None."""
    none: list[float] = []
    found = or_else(none, lambda: [float(each) for each in read()])
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def _number(read: Callable[[], Any]) -> float | None:
    found = or_else(math.nan, lambda: float(read()))
    return found if math.isfinite(found) else None
