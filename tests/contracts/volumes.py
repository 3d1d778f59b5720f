"""Series whose slices resemble their neighbours, for what codes them together."""

from typing import Any

import numpy as np

from contracts.objects import ct

SERIES = "1.2.3.1.9"


def slice_of(number: int, *, series: str = SERIES, size: int = 24, position: bool = True, **attributes: Any) -> bytes:
    """Slice ``number``, from 1 on: the same noise everywhere and a few pixels of its own. It lies at 3 mm x number."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 4096, (size, size)).astype("<u2")
    own = np.random.default_rng(number)
    pixels[own.integers(0, size, 8), own.integers(0, size, 8)] = number
    if position:
        attributes = {
            "ImagePositionPatient": [0, 0, 3 * number],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            **attributes,
        }
    return ct(number, series=series, size=size, PixelData=pixels.tobytes(), **attributes)


def volume(count: int, *, series: str = SERIES, size: int = 24) -> dict[str, bytes]:
    """Slices by SOP Instance UID, in spatial order."""
    return {f"{series}.{number}": slice_of(number, series=series, size=size) for number in range(1, count + 1)}
