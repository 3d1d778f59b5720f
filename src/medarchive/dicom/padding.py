"""Padding: elements that say which pixel values occur must say it of the pixels as they are now.

Pixel Padding Value (0028,0120) and Range Limit (0028,0121) name values that are no image (PS3.3 C.7.5.1.1.2). When
pixels changed, padding may have another value; pixels of the image must not have it.
"""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medarchive.errors import MayNotLose
from medarchive.image import Image

__all__ = ["mend_range", "padding_range"]

_PADDING, _LIMIT, _SMALLEST, _LARGEST = 0x00280120, 0x00280121, 0x00280106, 0x00280107


def mend_range(dataset: Dataset, before: Image, after: Image) -> None:
    """Bring padding, smallest and largest value up to date, where the data set has them.

    Args:
        dataset: of the image; changed.
        before: its pixels as they were, stored values.
        after: its pixels as they are.

    Raises:
        MayNotLose: padding has values now that pixels of the image have, too.
    """
    vr = "SS" if after.signed else "US"
    padding = padding_range(dataset, signed=after.signed)
    if padding is not None:
        new_low, new_high = _moved(before, after, *padding)
        dataset.add_new(Tag(_PADDING), vr, new_low)
        if Tag(_LIMIT) in dataset or new_high != new_low:
            dataset.add_new(Tag(_LIMIT), vr, new_high)
    for tag, value in ((_SMALLEST, int(after.pixels.min())), (_LARGEST, int(after.pixels.max()))):
        if Tag(tag) in dataset:
            dataset.add_new(Tag(tag), vr, value)


def padding_range(dataset: Dataset, *, signed: bool) -> tuple[int, int] | None:
    """The lowest and the highest stored value that is padding; None where none is.

    Args:
        dataset: of the image.
        signed: whether its stored values are.
    """
    low, high = (_value(dataset, tag, signed=signed) for tag in (_PADDING, _LIMIT))
    if low is None:
        return None
    high = low if high is None else high
    return min(low, high), max(low, high)


def _moved(before: Image, after: Image, low: int, high: int) -> tuple[int, int]:
    """The range that padding has now."""
    padding = (before.pixels >= low) & (before.pixels <= high)
    now = after.pixels[padding]
    new_low, new_high = (int(now.min()), int(now.max())) if now.size else (low, high)
    image = after.pixels[~padding]
    if image.size and np.any((image >= new_low) & (image <= new_high)):
        raise MayNotLose("its padding (0028,0120) could no longer be told from its image")
    return new_low, new_high


def _value(dataset: Dataset, tag: int, *, signed: bool) -> int | None:
    """The value of a US or SS element in the sense of the pixels: some writers say US where the pixels are signed."""
    element = dataset.get(Tag(tag))
    if element is None or element.value in (None, ""):
        return None
    value = int(element.value) & 0xFFFF
    return value - 0x10000 if signed and value > 0x7FFF else value
