"""Measuring: one contender on one frame, at the rates that are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medarchive.bench.lossy.contenders import Lossy
from medarchive.bench.lossy.display import Display
from medarchive.bench.lossy.search import at_sizes
from medarchive.codecs.fidelity import measure
from medarchive.codecs.fidelity.similarity import ms_ssim
from medarchive.image import Image

__all__ = ["ABOVE", "RATES", "Curve", "Point", "curve_of", "point_of"]

RATES = tuple(tenth / 10 for tenth in range(1, 11))
"""Bits a pixel at which the lossy codecs are compared."""
ABOVE = (1.5, 2.0, 3.0)
"""Those beyond, where near-lossless coding takes over."""


@dataclass(frozen=True, slots=True)
class Point:
    """One setting on one frame.

    Attributes:
        setting: of the contender's knob.
        bytes: of the stream.
        bits_per_pixel: of those bytes.
        psnr: in dB, the original's own range as the peak; infinite where nothing was lost.
        ms_ssim: of what the window shows, in dB: -10 log10(1 - MS-SSIM); infinite where nothing was lost.
        max_error: by how much a value is off, in stored units.
    """

    setting: float
    bytes: int
    bits_per_pixel: float
    psnr: float
    ms_ssim: float
    max_error: int


@dataclass(frozen=True, slots=True)
class Curve:
    """What one contender did with one frame.

    Attributes:
        name: of the contender.
        ours: whether it is a codec of this package.
        points: in the order of their bytes; a rate that cannot be had has none.
        trouble: why there are none, empty where there are.
        failed: whether it took the image and fell over.
    """

    name: str
    ours: bool
    points: tuple[Point, ...]
    trouble: str = ""
    failed: bool = False


def curve_of(contender: Lossy, image: Image, display: Display, rates: Sequence[float]) -> Curve:
    """Find the settings for some rates, decode what they give, and measure.

    Args:
        contender: whose knob is turned.
        image: one frame.
        display: the window that MS-SSIM looks through.
        rates: bits a pixel, growing. A contender whose knob has steps is measured at each of them, down to the first
            that is below all rates.
    """
    if not contender.takes(image):
        return Curve(contender.name, contender.ours, (), "does not take such images")
    try:
        points = [
            point_of(contender, image, display, setting, data)
            for setting, data in _streams(contender, image, rates).items()
        ]
    except Exception as error:  # noqa: BLE001  # a codec may raise anything; the result says what
        return Curve(contender.name, contender.ours, (), f"{type(error).__name__}: {error}", failed=True)
    return Curve(contender.name, contender.ours, tuple(sorted(points, key=lambda point: point.bytes)))


def _streams(contender: Lossy, image: Image, rates: Sequence[float]) -> dict[float, bytes]:
    """The streams to measure, by their settings."""
    targets = [rate * image.pixels.size / 8 for rate in rates]
    made: dict[float, bytes] = {}

    def size(setting: float) -> float:
        made[setting] = contender.encode(image, setting)
        return len(made[setting])

    if not contender.steps:
        settings = at_sizes(size, contender.span, targets)
        return {setting: made[setting] for setting in settings if setting is not None}
    for setting in contender.steps:
        if size(setting) < targets[0]:
            break
    return made


def point_of(contender: Lossy, image: Image, display: Display, setting: float, data: bytes) -> Point:
    """Decode what a contender made of a frame, and measure."""
    decoded = contender.decode(data, image)
    before, after = image.pixels[0, :, :, 0].astype(np.float64), decoded.pixels[0, :, :, 0].astype(np.float64)
    squared = float(np.mean((before - after) ** 2))
    peak = float(before.max() - before.min())
    psnr = 10 * np.log10(peak**2 / squared) if squared else np.inf
    return Point(
        setting=setting,
        bytes=len(data),
        bits_per_pixel=8 * len(data) / image.pixels.size,
        psnr=float(psnr),
        ms_ssim=_seen(before, after, display),
        max_error=measure(image, decoded).max_error,
    )


def _seen(before: np.ndarray, after: np.ndarray, display: Display) -> float:
    shown = (np.clip(each, display.low, display.high) - display.low for each in (before, after))
    lost = 1 - ms_ssim(*shown, peak=display.high - display.low)
    return float(-10 * np.log10(lost)) if lost > 0 else float("inf")
