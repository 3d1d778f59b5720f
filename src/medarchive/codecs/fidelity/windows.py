"""Windows: the part of the range of values that a person looks at, and where stored values lie in it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.view import robust_range

__all__ = ["OWN", "WINDOWS", "Rescale", "Window", "own_window"]

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rescale:
    """From stored values to values with a meaning (PS3.3 C.11.1.1.2): slope times value plus intercept.

    Attributes:
        slope: Rescale Slope (0028,1053); finite and not 0.
        intercept: Rescale Intercept (0028,1052).
        unit: of the result, such as "HU"; "" where stored values are all there is.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""

    def __call__(self, stored: NDArray[Any]) -> Field:
        """Stored values of any shape as values in ``unit``."""
        return stored.astype(np.float32) * np.float32(self.slope) + np.float32(self.intercept)


@dataclass(frozen=True, slots=True)
class Window:
    """A window as a viewer has it.

    Attributes:
        name: such as "lung".
        centre: in the unit of the values.
        width: in the unit of the values, above 0.
    """

    name: str
    centre: float
    width: float

    @property
    def low(self) -> float:
        """The value that is drawn black."""
        return self.centre - self.width / 2

    @property
    def high(self) -> float:
        """The value that is drawn white."""
        return self.centre + self.width / 2

    def grey(self, values: Field) -> Field:
        """Values as grey, 0 (black) to 255 (white), not rounded: what VOI LUT function LINEAR_EXACT gives.

        PS3.3 C.11.2.1.3.2.
        """
        grey: Field = np.clip((values - np.float32(self.low)) * np.float32(255 / self.width), 0, 255)
        return grey


WINDOWS = {
    window.name: window
    for window in (
        Window("lung", -600, 1500),
        Window("mediastinum", 40, 400),
        Window("abdomen", 50, 400),
        Window("liver", 80, 150),
        Window("bone", 480, 2500),
        Window("brain", 40, 80),
        Window("subdural", 75, 215),
        Window("stroke", 35, 30),
    )
}
"""Windows of CT in HU."""
OWN = "own"
"""The name of a window that follows from the image itself; see ``own_window``."""


def own_window(values: Field) -> Window:
    """The window of an image whose values have no fixed scale; see ``robust_range``.

    Args:
        values: shape (rows, columns), at least one.
    """
    low, high = robust_range(values)
    return Window(OWN, (low + high) / 2, max(high - low, 1e-6))
