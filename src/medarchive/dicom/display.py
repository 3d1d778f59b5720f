"""Display: a frame with what its header says about showing it, from stored values to a ``View``.

The grey scale pipeline of PS3.4 N.2: Modality LUT, then what the VOI LUT wants. Whatever is odd about a header counts
as absent: an image is looked at even where its header is half wrong.
"""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut

from medarchive.dicom.encapsulated import left_photometric
from medarchive.dicom.groups import macro
from medarchive.dicom.padding import padding_range
from medarchive.dicom.subject import rescale_of, text_of
from medarchive.image import Image
from medarchive.view import Evidence, Function, Lookup, View, luminance

__all__ = ["evidence", "lookup", "or_else", "photometric_of", "view", "voi_table", "window_of"]

T = TypeVar("T")
Field = NDArray[np.float32]
Window = tuple[tuple[float, float] | None, Function]
_NO_WINDOW: Window = (None, "LINEAR_EXACT")
_LARGEST = 1e20
"""Windows and rescales beyond it are no measurement, and what they give may be no float32."""


def evidence(dataset: Dataset) -> Evidence:
    """What a header says is in the picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = or_else("", lambda: text_of(dataset, "BodyPartExamined"))
        part = part or or_else("", lambda: text_of(dataset.AnatomicRegionSequence[0], "CodeMeaning"))
        return Evidence(or_else("", lambda: text_of(dataset, "Modality")).upper(), part.upper())


def view(dataset: Dataset, image: Image, frame: int = 0) -> View:
    """A frame as its object wants it shown. Never raises for what a header says.

    Args:
        dataset: the header; pixel data is not looked at. Its File Meta Information, where it is there, tells which
            colour transform was undone.
        image: stored values: all frames of the object, or this one alone.
        frame: its number in the object, from 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values, all through
        stored = image.pixels[frame if len(image) > 1 else 0]
        kind = or_else("", lambda: photometric_of(dataset))
        if stored.shape[2] > 1:
            grey = stored[..., 0].astype(np.float32) if kind.startswith("YBR") else luminance(stored)
            return View(grey * np.float32(255 / ((1 << image.bits) - 1)), (127.5, 255.0))
        if kind == "PALETTE COLOR":
            coloured = or_else(None, lambda: _through_palette(dataset, stored[..., 0]))
            if coloured is not None:
                return View(coloured, (127.5, 255.0))
        return _grey(dataset, image, stored[..., 0], frame, inverted=kind == "MONOCHROME1")


def _grey(dataset: Dataset, image: Image, stored: NDArray[Any], frame: int, *, inverted: bool) -> View:
    values, hounsfield = _modality(dataset, stored, frame)
    padding = or_else(None, lambda: padding_range(dataset, signed=image.signed))
    valid = None if padding is None else (stored < padding[0]) | (stored > padding[1])
    counted = values if valid is None or not valid.any() else values[valid]
    places = (or_else(None, lambda: macro(dataset, "FrameVOILUTSequence", frame)), dataset)
    window, function = next(filter(None, map(window_of, filter(None, places))), _NO_WINDOW)
    if window is not None and not hounsfield and not _shows(window, counted):
        window, function = _NO_WINDOW
    return View(values, window, inverted, valid, hounsfield, function, voi_table(dataset))


def _modality(dataset: Dataset, stored: NDArray[Any], frame: int) -> tuple[Field, bool]:
    """Values after the Modality LUT, and whether they are HU (PS3.3 C.11.1, C.7.6.16.2.9)."""
    table = or_else(None, lambda: lookup(dataset, "ModalityLUTSequence"))
    if table is not None:
        kind = or_else("", lambda: text_of(dataset.ModalityLUTSequence[0], "ModalityLUTType"))
        return table(stored), kind == "HU"
    group = or_else(None, lambda: macro(dataset, "PixelValueTransformationSequence", frame))
    place = dataset if group is None else group
    rescale = or_else(None, lambda: rescale_of(place) if "RescaleSlope" in place else None)
    if rescale is None or max(abs(rescale.slope), abs(rescale.intercept)) > _LARGEST or not np.float32(rescale.slope):
        return stored.astype(np.float32), False
    return rescale(stored), rescale.unit == "HU"


def window_of(place: Dataset) -> Window | None:
    """The first window of a data set or an item that is one, with its function (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
    asked = or_else("", lambda: text_of(place, "VOILUTFunction")).upper()
    function: Function = "LINEAR_EXACT" if asked == "LINEAR_EXACT" else "SIGMOID" if asked == "SIGMOID" else "LINEAR"
    for centre, width in zip(_numbers(place, "WindowCenter"), _numbers(place, "WindowWidth"), strict=False):
        # A LINEAR one of width 1 is a threshold: such stand in headers that nobody filled in.
        if abs(centre) < _LARGEST and (1 if function == "LINEAR" else 0) < width < _LARGEST:
            return (centre, width), function
    return None


def _numbers(place: Dataset, keyword: str) -> list[float]:
    value = or_else(None, lambda: place.get(keyword))
    return [_number(one) for one in (value if isinstance(value, MultiValue) else (value,))]


def _number(value: Any) -> float:
    return or_else(np.nan, lambda: float(value))


def _shows(window: tuple[float, float], values: Field) -> bool:
    """Whether a window shows anything: not all values are black in it, nor all white."""
    centre, width = window
    return bool(values.min() < centre + width / 2 and values.max() > centre - width / 2)


def lookup(dataset: Dataset, keyword: str) -> Lookup | None:
    """The first item of a LUT sequence (PS3.3 C.11.1.1.1, C.11.2.1.1)."""
    items = dataset.get(keyword)
    if not items:
        return None
    count, first, _ = (int(value) for value in items[0].LUTDescriptor)
    count = count or 1 << 16
    data = items[0].LUTData
    if isinstance(data, bytes):
        little = items[0].original_encoding[1] is not False
        narrow = len(data) < 2 * count  # entries of 8 bits, one in each byte
        data = np.frombuffer(data[: count if narrow else 2 * count], "u1" if narrow else "<u2" if little else ">u2")
    entries = np.atleast_1d(np.asarray(data, np.float32))[:count]
    signed = or_else(0, lambda: int(dataset.PixelRepresentation)) == 1
    if signed and first > 0x7FFF:
        first -= 0x10000
    return Lookup(first, entries) if entries.size else None


def voi_table(dataset: Dataset) -> Lookup | None:
    """The VOI LUT of an object as grey, 0 to 1 (PS3.3 C.11.2.1.1); None: there is none, or all of it is one grey.

    White is the largest value of as many bits as the descriptor says, or the largest entry where that is larger.
    """
    table = or_else(None, lambda: lookup(dataset, "VOILUTSequence"))
    if table is None or not np.ptp(table.entries) > 0:
        return None
    bits = or_else(16, lambda: int(dataset.VOILUTSequence[0].LUTDescriptor[2]))
    white = max(float((1 << min(max(bits, 1), 16)) - 1), float(table.entries.max()))
    return Lookup(table.first, (table.entries / white).astype(np.float32))


def photometric_of(dataset: Dataset) -> str:
    """Photometric Interpretation of decoded frames: of a data set that has its File Meta Information."""
    syntax = str(getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID", ""))
    return left_photometric(text_of(dataset, "PhotometricInterpretation").upper(), syntax)


def _through_palette(dataset: Dataset, stored: NDArray[Any]) -> Field:
    """Indices as luminance, 0 to 255 (PS3.3 C.7.9)."""
    count, first, bits = (int(value) for value in dataset.RedPaletteColorLookupTableDescriptor)
    inside = np.clip(stored.astype(np.int64), first, first + (count or 1 << 16) - 1)
    colours = apply_color_lut(inside, dataset)
    full = max((1 << bits) - 1, int(colours.max()), 1)
    return luminance(colours[..., :3]) * np.float32(255 / full)


def or_else(otherwise: T, read: Callable[[], T]) -> T:
    """What can be read, or what stands for it where the header is odd."""
    try:
        return read()
    except Exception:  # noqa: BLE001  # what pydicom raises on odd values has no common root
        return otherwise
