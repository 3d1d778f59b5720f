"""Views: what the fidelity report shows of two images, whatever it is written as."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medarchive.cli.fidelity_charts import bars, curves
from medarchive.cli.fidelity_judged import Judged
from medarchive.cli.fidelity_pictures import Bytes, Field, difference_map, fitted
from medarchive.cli.shapes import Shape
from medarchive.codecs.fidelity import Window
from medarchive.codecs.fidelity.measures import Frame
from medarchive.codecs.fidelity.noise import BINS, spectra
from medarchive.codecs.fidelity.windows import OWN
from medarchive.image import Image

__all__ = ["Pair", "Views", "views"]

_MOST_BARS = 121


@dataclass(frozen=True, slots=True)
class Pair:
    """Both images as one would look at them.

    Attributes:
        caption: the window with its ends; empty where there is none.
        original: grey or RGB.
        decoded: of the same shape.
    """

    caption: str
    original: Bytes
    decoded: Bytes


@dataclass(frozen=True, slots=True)
class Views:
    """One frame, seen in every way.

    Attributes:
        title: which frame, and why this one.
        pairs: in each window of the profile, or in the image's own.
        difference: the map of errors.
        scale: what its colours mean.
        charts: titles and shapes.
    """

    title: str
    pairs: tuple[Pair, ...]
    difference: Bytes
    scale: str
    charts: tuple[tuple[str, Sequence[Shape]], ...]


def views(judged: Judged) -> Views | None:
    """Look at the frame with the largest error, in the windows of the profile.

    None where images are of different shapes, or their scale is no number.
    """
    original, decoded, profile, rescale = judged.original, judged.decoded, judged.profile, judged.rescale
    if original.pixels.shape != decoded.pixels.shape or not np.isfinite((rescale.slope, rescale.intercept)).all():
        return None
    at = _worst(original, decoded)
    before, after = (rescale(image.pixels[at]) for image in (original, decoded))
    error = after - before
    flat = np.take_along_axis(error, np.abs(error).argmax(axis=2, keepdims=True), axis=2)[..., 0]
    unit = f" {rescale.unit}" if rescale.unit else ""
    charts = [("Errors", _histogram(flat, abs(rescale.slope) or 1.0, unit))]
    if before.shape[2] == 1:
        frame = Frame.of(original.pixels[at, :, :, 0], rescale, profile.air if profile else None)
        seen = [one.window for one in profile.windows] if profile else []
        windows = [frame.window(name) for name in seen or [OWN]]
        pairs = [_pair(window, before[..., 0], after[..., 0], unit) for window in windows]
        if frame.terrain.patches:
            spectrum = _spectra(frame, after[..., 0], unit)
            charts.append(("Noise spectra of the most even patches, median", spectrum))
    else:
        pairs = [Pair("", _colour(original, at), _colour(decoded, at))]
    reach = float(np.percentile(np.abs(flat), 99.9)) or float(np.abs(flat).max()) or 1.0
    return Views(
        title=f"Frame {at} of {len(original)}, the one with the largest error",
        pairs=tuple(pairs),
        difference=difference_map(flat, reach),
        scale=f"{-reach:.4g} and less to {reach:.4g}{unit} and more, white is none",
        charts=tuple(charts),
    )


def _worst(original: Image, decoded: Image) -> int:
    """The frame with the largest mean square error."""
    errors = [
        float(np.square(a.astype(np.float64) - b.astype(np.float64)).mean())
        for a, b in zip(original.pixels, decoded.pixels, strict=True)
    ]
    return int(np.argmax(errors))


def _pair(window: Window, before: Field, after: Field, unit: str) -> Pair:
    caption = f"{window.name}: {window.low:.5g} to {window.high:.5g}{unit}"
    return Pair(caption, fitted(window.grey(before)), fitted(window.grey(after)))


def _colour(image: Image, at: int) -> Bytes:
    """A colour frame from its lowest to its highest possible value; samples beyond three are left out."""
    low = -(1 << image.bits - 1) if image.signed else 0
    shares = (image.pixels[at].astype(np.float32) - low) * np.float32(255 / ((1 << image.bits) - 1))
    if shares.shape[2] < 3:
        return fitted(shares[..., 0])
    return np.stack([fitted(np.ascontiguousarray(shares[..., sample])) for sample in range(3)], axis=2)


def _histogram(error: Field, step: float, unit: str) -> list[Shape]:
    """How often each error is there; every bar is an odd number of stored values wide, and 0 in the middle."""
    most = max(round(float(np.abs(error).max()) / step), 1)
    each = -(-(2 * most + 1) // _MOST_BARS) | 1
    aside = -(-(most - each // 2) // each)
    end = (aside + 0.5) * each * step
    counts, _ = np.histogram(error, 2 * aside + 1, (-end, end))
    middles = [at * each * step for at in range(-aside, aside + 1)]
    return bars(middles, [float(one) for one in counts], f"error{unit}, number of pixels")


def _spectra(frame: Frame, after: Field, unit: str) -> list[Shape]:
    lines = [
        (name, [float(power) for power in np.median(spectra(values, frame.terrain), axis=0)])
        for name, values in (("original", frame.values), ("decoded", after))
    ]
    across = [(at + 0.5) / (2 * BINS) for at in range(BINS)]
    return curves(across, lines, f"cycles per pixel; power{unit and f' in{unit} squared'}")
