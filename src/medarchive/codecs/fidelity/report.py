"""Reports: how far decoded values are from the original ones, counted, never assumed."""

import json
from dataclasses import dataclass

import numpy as np

from medarchive.errors import CorruptStream
from medarchive.image import Image

__all__ = ["FidelityReport", "measure", "worst_error"]


@dataclass(frozen=True, slots=True)
class FidelityReport:
    """What was measured.

    Attributes:
        limit: the error that was allowed, in stored units; 0 means lossless.
        max_error: the largest error that was found, in stored units.
        changed: values that are not as they were.
        values: values that were compared.
    """

    limit: int
    max_error: int
    changed: int
    values: int

    @property
    def passed(self) -> bool:
        """Whether no value is off by more than was allowed."""
        return self.max_error <= self.limit

    def __add__(self, other: "FidelityReport") -> "FidelityReport":
        """The report on both."""
        worst = max(self.max_error, other.max_error)
        return FidelityReport(self.limit, worst, self.changed + other.changed, self.values + other.values)

    def packed(self, verdict: bytes = b"") -> bytes:
        """The form kept in a container: JSON, or nothing where nothing was lost.

        Args:
            verdict: on the same images, see ``Verdict.packed``; kept beside the numbers.
        """
        if self.limit == self.max_error == 0:
            return b""
        form = {"limit": self.limit, "max_error": self.max_error, "changed": self.changed, "values": self.values}
        kept = form | {"verdict": json.loads(verdict)} if verdict else form
        return json.dumps(kept, separators=(",", ":")).encode("ascii")


def worst_error(report: bytes) -> int:
    """The largest error that a packed report tells of, in stored units; 0 where nothing was lost.

    Raises:
        CorruptStream: it is no such report.
    """
    if not report:
        return 0
    try:
        return int(json.loads(report)["max_error"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptStream(f"a fidelity report that cannot be read: {type(error).__name__}: {error}") from error


def measure(original: Image, decoded: Image, limit: int = 0) -> FidelityReport:
    """Compare two images value by value.

    An image of another shape, dtype or number of bits fails whatever the limit is: it is not the same image at all.
    """
    size = original.pixels.size
    if original.pixels.shape != decoded.pixels.shape or original.pixels.dtype != decoded.pixels.dtype:
        return FidelityReport(limit, 1 << 32, size, size)
    if original.bits != decoded.bits:
        return FidelityReport(limit, 1 << 32, size, size)
    if np.array_equal(original.pixels, decoded.pixels):
        return FidelityReport(limit, 0, 0, size)
    error = np.abs(original.pixels.astype(np.int64) - decoded.pixels.astype(np.int64))
    return FidelityReport(limit, int(error.max()), int(np.count_nonzero(error)), size)
