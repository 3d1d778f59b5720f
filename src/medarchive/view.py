"""View: one frame of an image as a clinical display would show it, and what its header says is in it.

Whoever reads pictures, DICOM files or a stored series makes a ``View``; whoever looks at images takes one.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "Function", "Lookup", "View", "luminance", "robust_range"]

Field = NDArray[np.float32]
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
"""VOI LUT Function (0028,1056): how a window becomes grey (PS3.3 C.11.2.1.2, C.11.2.1.3)."""

_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue in the luminance (PS3.3 C.7.6.3.1.2, YBR_FULL)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a header says is in the picture; to be weighed, never trusted alone.

    Attributes:
        modality: Modality (0008,0060) in capitals; "" where it is absent.
        body_part: Body Part Examined (0018,0015) in capitals, or the name of the anatomic region; "" where absent.
    """

    modality: str = ""
    body_part: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A look-up table as DICOM has it (PS3.3 C.11.1.1.1): what lies beyond an end has the entry at that end.

    Attributes:
        first: the value that has the first entry.
        entries: shape (n,), at least one.
    """

    first: int
    entries: Field

    def __call__(self, values: NDArray[Any]) -> Field:
        """The entries of values of any shape; those between two integers belong to the nearest."""
        places = np.rint(np.asarray(values, np.float64)) - self.first
        found: Field = self.entries[np.clip(places, 0, len(self.entries) - 1).astype(np.intp)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One frame as modality values, and how a display shows it.

    Attributes:
        values: shape (rows, columns), after the Modality LUT; for colour, luminance from 0 to 255. Finite.
        window: centre and width as the object wants it; None: from the values.
        inverted: whether the lowest value is white (MONOCHROME1).
        valid: shape (rows, columns), False where Pixel Padding is; None: everywhere.
        hounsfield: whether the values are HU.
        function: of ``window``.
        table: from values to grey, 0 to 1, in place of ``window`` (VOI LUT Sequence).
    """

    values: Field
    window: tuple[float, float] | None
    inverted: bool = False
    valid: NDArray[np.bool_] | None = None
    hounsfield: bool = False
    function: Function = "LINEAR_EXACT"
    table: Lookup | None = None

    @classmethod
    def of_picture(cls, pixels: NDArray[np.uint8]) -> Self:
        """The view of a picture without a header.

        Args:
            pixels: shape (rows, columns), or (rows, columns, samples) with one sample, three (RGB), or one more for
                opacity, which does not count.
        """
        return cls(luminance(pixels), (127.5, 255.0))

    def shown(self, window: tuple[float, float] | None = None) -> Field:
        """The frame as grey, 0 (black) to 1 (white), shape (rows, columns). Padding is black.

        Args:
            window: centre and width (above 0) to show instead of what the object wants, as LINEAR_EXACT.
        """
        if window is not None:
            grey = _windowed(self.values, *window, "LINEAR_EXACT")
        elif self.table is not None:
            grey = self.table(self.values)
        elif self.window is not None:
            grey = _windowed(self.values, *self.window, self.function)
        else:
            low, high = robust_range(self._counted())
            grey = _windowed(self.values, (low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")
        if self.inverted:
            grey = 1 - grey
        return grey if self.valid is None else np.where(self.valid, grey, np.float32(0))

    def _counted(self) -> Field:
        """The values that are image; all where none is."""
        return self.values if self.valid is None or not self.valid.any() else self.values[self.valid]


def luminance(pixels: NDArray[Any]) -> Field:
    """Colour as grey on the same scale, shape (rows, columns).

    Args:
        pixels: shape (rows, columns) or (rows, columns, samples); of three samples or more the first are RGB.
    """
    values = pixels.astype(np.float32)
    if values.ndim == 2:
        return values
    grey: Field = values[..., :3] @ _WEIGHTS if values.shape[2] >= 3 else values[..., 0]
    return grey


def robust_range(values: NDArray[Any]) -> tuple[float, float]:
    """The 0.5th and the 99.5th percentile of an image whose values have no fixed scale.

    Pixels of the lowest and of the highest value are left out of the count where they are more than a tenth of all:
    padding, collimators and saturated air are no part of the picture.

    Args:
        values: of any shape, at least one.
    """
    counted = values.ravel()
    for extreme in (counted.min(), counted.max()):
        rest = counted[counted != extreme]
        if rest.size and rest.size < 0.9 * values.size:
            counted = rest
    low, high = (float(value) for value in np.percentile(counted, (0.5, 99.5)))
    return low, high


def _windowed(values: Field, centre: float, width: float, function: Function) -> Field:
    """Values as grey, 0 to 1 (PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2)."""
    at = values.astype(np.float64)
    if function == "SIGMOID":
        grey = 1 / (1 + np.exp(np.clip(-4 * (at - centre) / width, -700, 700)))
    elif function == "LINEAR":
        grey = (at - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5
    else:
        grey = (at - centre) / width + 0.5
    return np.clip(grey, 0, 1).astype(np.float32)
