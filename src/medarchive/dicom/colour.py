"""Colour: frames with colour as red, green and blue of 8 bits, whatever their object keeps (PS3.3 C.7.6.3.1.2)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from medarchive.dicom.display import or_else, photometric_of
from medarchive.image import Image

__all__ = ["coloured"]

Bytes = NDArray[np.uint8]


def coloured(dataset: Dataset, image: Image) -> Bytes | None:
    """One frame as RGB, shape (rows, columns, 3); None where it has no colour, or a palette that cannot be followed.

    Args:
        dataset: the header, with its File Meta Information.
        image: stored values of the frame alone.
    """
    stored = image.pixels[0]
    kind = or_else("", lambda: photometric_of(dataset))
    if stored.shape[2] >= 3:
        pixels = _eight(stored[..., :3], image.bits)
        return _from_ybr(pixels) if kind.startswith("YBR") else pixels
    return or_else(None, lambda: _through_palette(dataset, stored[..., 0])) if kind == "PALETTE COLOR" else None


def _eight(stored: NDArray[Any], bits: int) -> Bytes:
    """Stored values of so many bits as 8 bits."""
    shifted = stored >> (bits - 8) if bits > 8 else stored
    eight: Bytes = np.clip(shifted, 0, 255).astype(np.uint8)
    return eight


def _from_ybr(pixels: Bytes) -> Bytes:
    """YBR_FULL as RGB (C.7.6.3.1.2)."""
    luma, blue, red = (pixels[..., number].astype(np.float32) for number in range(3))
    blue, red = blue - 128, red - 128
    channels = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    rgb: Bytes = np.clip(np.rint(np.stack(channels, axis=2)), 0, 255).astype(np.uint8)
    return rgb


def _through_palette(dataset: Dataset, stored: NDArray[Any]) -> Bytes:
    """Indices as colours (PS3.3 C.7.9); those beyond an end have the colour at that end."""
    count, first, bits = (int(value) for value in dataset.RedPaletteColorLookupTableDescriptor)
    inside = np.clip(stored.astype(np.int64), first, first + (count or 1 << 16) - 1)
    colours = apply_color_lut(inside, dataset)[..., :3]
    full = max((1 << bits) - 1, int(colours.max()), 1)
    rgb: Bytes = np.rint(colours.astype(np.float32) * np.float32(255 / full)).astype(np.uint8)
    return rgb
