"""Measures: what is wrong with a frame, each a number that a limit can be set for.

All take values in their unit (HU for CT), shape (rows, columns). The error is decoded minus original.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.fidelity.noise import BINS, TILE, Terrain, spectra, survey
from medarchive.codecs.fidelity.similarity import similarity
from medarchive.codecs.fidelity.windows import OWN, WINDOWS, Rescale, Window, own_window

__all__ = ["REGION", "Frame", "Pair"]

REGION = 16
MID, HIGH = (0.125, 0.25), (0.25, 0.4375)
"""Bands of the noise power spectrum in cycles per pixel."""

Field = NDArray[np.float32]
Stored = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An original, looked at once, whatever it is compared with.

    Attributes:
        stored: shape (rows, columns).
        values: in the unit.
        own: the window that follows from them.
        terrain: where there is signal, and its noise.
    """

    stored: Stored
    values: Field
    own: Window
    terrain: Terrain

    @classmethod
    def of(cls, stored: Stored, rescale: Rescale, air: float | None) -> "Frame":
        """Look at a frame."""
        values = rescale(stored)
        own = own_window(values)
        return cls(stored, values, own, survey(values, own, air))

    def window(self, name: str) -> Window:
        """A window by its name; ``OWN`` is this frame's."""
        return self.own if name == OWN else WINDOWS[name]


class Pair:
    """A frame and what was decoded for it.

    Args:
        frame: the original.
        decoded: stored values of the same shape, of 16 bits at most.
        rescale: of both.
    """

    def __init__(self, frame: Frame, decoded: Stored, rescale: Rescale) -> None:
        self.frame = frame
        self.stored = decoded
        self.unit = abs(rescale.slope)
        self.values = rescale(decoded)
        changed = decoded.astype(np.int32) - frame.stored.astype(np.int32)
        self.error = changed.astype(np.float32) * np.float32(rescale.slope)
        self.size: Field = np.abs(self.error)
        self.noise = frame.terrain.noise
        self.counts = frame.terrain.pixels(frame.values.shape)
        self.identical = bool(np.array_equal(frame.stored, decoded))

    def max_error(self) -> float:
        """The largest error."""
        return float(self.size.max())

    def p999(self) -> float:
        """The error that one value in a thousand exceeds, of those that count."""
        counted = self._counted(self.size)
        place = int(np.ceil(0.999 * counted.size)) - 1
        return float(np.partition(counted, place)[place])

    def bias(self) -> float:
        """The mean error of the values that count, without its sign."""
        return abs(float(self._counted(self.error).mean(dtype=np.float64)))

    def rms(self) -> float:
        """The root of the mean square error of the values that count."""
        return float(np.sqrt((self._counted(self.size).astype(np.float64) ** 2).mean()))

    def psnr(self, peak: float) -> float:
        """Peak signal to noise ratio of the values that count, in dB; 200 where there is no error."""
        rms = self.rms()
        return 200.0 if rms == 0 else min(20 * float(np.log10(peak / rms)), 200.0)

    def block(self) -> float:
        """The root mean square error of the worst tile of 8 x 8; padding counts as well."""
        squares = self.error * self.error
        return float(np.sqrt(_tile_means(squares, TILE).max()))

    def detail(self) -> float:
        """The largest mean error of 3 x 3 neighbours: a nodule of a few pixels that came or went."""
        if min(self.error.shape) < 3:
            return self.max_error()
        return float(np.abs(_box3(self.error)).max())

    def region(self) -> float:
        """The largest mean error of a tile of 16 x 16, at least half of which counts: contrast lost, or a shade."""
        share = _tile_means(self.counts.astype(np.float32), REGION)
        means = np.abs(_tile_means(self.error * self.counts, REGION))[share >= 0.5] / share[share >= 0.5]
        return float(means.max()) if means.size else self.bias()

    def alike(self, window: Window) -> tuple[float, float]:
        """SSIM and MS-SSIM in a window, over the places where it shows something.

        Those are the places where the original lies inside the window, and those that look different.
        """
        a, b = window.grey(self.frame.values), window.grey(self.values)
        where = ((a > 0) & (a < 255)) | (np.abs(a - b) > 1)
        return similarity(a, b, peak=255.0, where=where)

    def textures(self) -> tuple[float, float, float]:
        """The noise power kept: 1 is all, less is smoothed, more was added.

        Of the most even patches: the median in the middle and in the upper band, and the 10th percentile in the middle
        band, where a part of the image may be smoothed and the rest not. NaN where there is no patch to measure in,
        unless nothing changed. Rounding to stored values has the power of a twelfth of their square, which is added on
        both sides: texture below it is none.
        """
        before, after = (spectra(one, self.frame.terrain) for one in (self.frame.values, self.values))
        if not len(before):
            kept = 1.0 if self.identical else float("nan")
            return kept, kept, kept
        frequencies = (np.arange(BINS) + 0.5) / (2 * BINS)

        def kept_in(band: tuple[float, float]) -> NDArray[np.float64]:
            # a ring has places in proportion to its radius
            weight = frequencies * ((frequencies >= band[0]) & (frequencies < band[1]))
            floor = self.unit**2 / 12 * weight.sum()
            return np.asarray((after @ weight + floor) / (before @ weight + floor))

        mid, high = kept_in(MID), kept_in(HIGH)
        return float(np.median(mid)), float(np.median(high)), float(np.percentile(mid, 10))

    def edges(self) -> float:
        """How strongly the size of the error follows the steepness of the picture: Pearson's r over what counts.

        The steepness is the gradient of the original under a 3 x 3 mean, cut at its 99th percentile.
        """
        if min(self.error.shape) < 7:
            return 0.0 if self.max_error() <= self.unit else float("nan")
        smooth = _box3(self.frame.values)
        steep = np.abs(smooth[2:, 1:-1] - smooth[:-2, 1:-1]) + np.abs(smooth[1:-1, 2:] - smooth[1:-1, :-2])
        counts = self.counts[2:-2, 2:-2]
        if not counts.any():
            counts = np.ones_like(counts)
        x, y = steep[counts].astype(np.float64), self.size[2:-2, 2:-2][counts].astype(np.float64)
        place = int(0.99 * (x.size - 1))
        x = np.minimum(x, np.partition(x, place)[place])
        x -= x.mean()
        y -= y.mean()
        spread = float(np.sqrt((x @ x) * (y @ y)))
        return float(x @ y) / spread if spread > 0 else 0.0

    def steps(self) -> float:
        """The widest step between decoded values, in the unit: banding.

        Of every run of stored values that the decoded frame does not use between two that it does, those are counted
        that the original uses, if it uses them at least 32 times in all. One more than the largest such count.
        """
        low = min(int(self.frame.stored.min()), int(self.stored.min()))
        high = max(int(self.frame.stored.max()), int(self.stored.max()))
        before, after = (
            np.bincount((side.astype(np.int64) - low).ravel(), minlength=high - low + 1)
            for side in (self.frame.stored, self.stored)
        )
        used = np.flatnonzero(after)
        lost = np.where(after == 0, before, 0)
        mass, levels = (np.diff(np.cumsum(one)[used]) for one in (lost, lost > 0))
        return self.unit * float(1 + levels[mass >= 32].max(initial=0))

    def contrast(self) -> float:
        """The standard deviation of the decoded frame over the original's: 1 as it was, 0 blank."""
        before, after = float(np.std(self.frame.values)), float(np.std(self.values))
        if before == 0:
            return 1.0 if after == 0 else float("nan")
        return after / before

    def _counted(self, field: Field) -> Field:
        return field[self.counts] if self.counts.any() else field.ravel()


def _tile_means(field: Field, side: int) -> Field:
    """The means of tiles; the last row and column of tiles reach back where the image does not fill them."""
    return _strip_means(_strip_means(field, side).T, side).T


def _strip_means(field: Field, high: int) -> Field:
    """The means of strips of rows."""
    rows, columns = field.shape
    high = min(high, rows)
    whole = rows // high * high
    means: Field = field[:whole].reshape(-1, high, columns).mean(axis=1)
    return np.concatenate((means, field[-high:].mean(axis=0, keepdims=True))) if whole < rows else means


def _box3(field: Field) -> Field:
    """The means of 3 x 3 neighbours, where they lie inside."""
    across = field[:, :-2] + field[:, 1:-1] + field[:, 2:]
    down: Field = (across[:-2] + across[1:-1] + across[2:]) * np.float32(1 / 9)
    return down
