"""The fidelity report: one page that a person can look at, with everything it needs inside."""

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from medarchive.cli.fidelity_charts import bars, curves
from medarchive.cli.fidelity_pictures import Field, colour_scale, difference_map, fitted, png
from medarchive.cli.files import write_once
from medarchive.codecs.fidelity import FidelityProfile, Rescale, Verdict, Window
from medarchive.codecs.fidelity.measures import Frame
from medarchive.codecs.fidelity.noise import BINS, spectra
from medarchive.codecs.fidelity.windows import OWN
from medarchive.image import Image

__all__ = ["page", "write_report"]

_STYLE = """
body { font: 14px/1.45 Helvetica, Arial, sans-serif; color: #1f2933 }
body { margin: 2em auto; max-width: 1640px; padding: 0 1em }
h1 { font-size: 20px } h2 { font-size: 16px; margin-top: 2em }
table { border-collapse: collapse }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #e4e7eb }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: #00796b } .failed { color: #b2182b; font-weight: bold }
.row { display: flex; flex-wrap: wrap; gap: 12px } figure { margin: 0 } figcaption { color: #616e7c; padding: 4px 0 }
img { max-width: 100%; image-rendering: pixelated; background: #000 } .scale { display: block }
"""
_MOST_BARS = 121


def write_report(
    file: Path,
    original: Image,
    decoded: Image,
    verdict: Verdict,
    profile: FidelityProfile | None,
    rescale: Rescale,
    names: tuple[str, str],
) -> None:
    """Write the page; a file of that name is replaced."""
    text = page(original, decoded, verdict, profile, rescale, names)
    write_once(file, io.BytesIO(text.encode("utf-8")), replace=True)


def page(
    original: Image,
    decoded: Image,
    verdict: Verdict,
    profile: FidelityProfile | None,
    rescale: Rescale,
    names: tuple[str, str],
) -> str:
    """The verdict with its limits; of the frame with the largest error both images in each window, the difference and
    its scale, the errors' histogram and the noise spectra. Images of different shapes come without pictures.

    Args:
        original: stored values.
        decoded: what was compared with it.
        verdict: what came of it.
        profile: that was judged by.
        rescale: of both.
        names: what the two are called, as text.
    """
    said = "passed" if verdict.passed else "failed"
    title = f"{verdict.profile}: {profile.title}" if profile else "no profile"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>Fidelity: {escape(names[0])}</title><style>{_STYLE}</style></head><body>",
        f'<h1>Fidelity: <span class="{said}">{said}</span></h1>',
        f"<p>{escape(names[1])} against {escape(names[0])}, by {escape(title)}</p>",
        *_reasons(verdict),
        *_table(verdict),
    ]
    if profile and profile.source:
        parts.append(f"<p>Limits: {escape(profile.source)}; see docs/fidelity.md.</p>")
    if original.pixels.shape == decoded.pixels.shape:
        parts += _pictures(original, decoded, profile, rescale)
    parts.append("<p>Measurements are no substitute for a reader study.</p></body></html>")
    return "\n".join(parts) + "\n"


def _reasons(verdict: Verdict) -> list[str]:
    return [f'<p class="failed">{escape(reason)}</p>' for reason in verdict.reasons]


def _table(verdict: Verdict) -> list[str]:
    rows = ["<h2>Checks</h2><table><tr><th>check</th><th>value</th><th>limit</th><th></th><th>remark</th></tr>"]
    for check in verdict.checks:
        said = "passed" if check.passed else "failed"
        cells = f"<td>{escape(check.name)}</td><td class=n>{escape(check.measured)}</td><td>{escape(check.limit)}</td>"
        rows.append(f'<tr>{cells}<td class="{said}">{said}</td><td>{escape(check.remark)}</td></tr>')
    return [*rows, "</table>"]


def _pictures(original: Image, decoded: Image, profile: FidelityProfile | None, rescale: Rescale) -> list[str]:
    at = _worst(original, decoded)
    before, after = (rescale(image.pixels[at]) for image in (original, decoded))
    error = after - before
    flat = np.take_along_axis(error, np.abs(error).argmax(axis=2, keepdims=True), axis=2)[..., 0]
    unit = f" {escape(rescale.unit)}" if rescale.unit else ""
    parts = [f"<h2>Frame {at} of {len(original)}, the one with the largest error</h2>"]
    if before.shape[2] == 1:
        frame = Frame.of(original.pixels[at, :, :, 0], rescale, profile.air if profile else None)
        seen = [one.window for one in profile.windows] if profile else []
        windows = [frame.window(name) for name in seen or [OWN]]
        parts += [_pair(window, before[..., 0], after[..., 0], unit) for window in windows]
    else:
        parts.append(_figures([("original", _colour(original, at)), ("decoded", _colour(decoded, at))]))
    reach = float(np.percentile(np.abs(flat), 99.9)) or float(np.abs(flat).max()) or 1.0
    parts += [
        "<h2>Difference, decoded minus original</h2>",
        _figures([("", png(difference_map(flat, reach)))]),
        f'<img class="scale" alt="scale" src="{png(colour_scale())}">',
        f"<p>{-reach:.4g} and less to {reach:.4g}{unit} and more, white is none</p>",
        "<h2>Errors</h2>",
        _histogram(flat, unit),
    ]
    if before.shape[2] == 1 and frame.terrain.patches:
        parts += ["<h2>Noise spectra of the most even patches, median</h2>", _spectra(frame, after[..., 0], unit)]
    return parts


def _worst(original: Image, decoded: Image) -> int:
    """The frame with the largest mean square error."""
    errors = [
        float(np.square(a.astype(np.float64) - b.astype(np.float64)).mean())
        for a, b in zip(original.pixels, decoded.pixels, strict=True)
    ]
    return int(np.argmax(errors))


def _pair(window: Window, before: Field, after: Field, unit: str) -> str:
    name = f"{window.name}: {window.low:.5g} to {window.high:.5g}{unit}"
    return f"<h2>{escape(name)}</h2>" + _figures(
        [("original", png(fitted(window.grey(before)))), ("decoded", png(fitted(window.grey(after))))]
    )


def _figures(pictures: Sequence[tuple[str, str]]) -> str:
    figures = (
        f'<figure><img alt="{escape(name)}" src="{source}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, source in pictures
    )
    return f'<div class="row">{"".join(figures)}</div>'


def _colour(image: Image, at: int) -> str:
    """A colour frame from its lowest to its highest possible value; samples beyond three are left out."""
    low = -(1 << image.bits - 1) if image.signed else 0
    shares = (image.pixels[at].astype(np.float32) - low) * np.float32(255 / ((1 << image.bits) - 1))
    if shares.shape[2] < 3:
        return png(fitted(shares[..., 0]))
    return png(np.stack([fitted(np.ascontiguousarray(shares[..., sample])) for sample in range(3)], axis=2))


def _histogram(error: Field, unit: str) -> str:
    reach = float(np.abs(error).max()) or 1.0
    counts, edges = np.histogram(error, _MOST_BARS, (-reach, reach))
    middles = (edges[:-1] + edges[1:]) / 2
    return bars([float(one) for one in middles], [float(one) for one in counts], f"error{unit}, number of pixels")


def _spectra(frame: Frame, after: Field, unit: str) -> str:
    lines = [
        (name, [float(power) for power in np.median(spectra(values, frame.terrain), axis=0)])
        for name, values in (("original", frame.values), ("decoded", after))
    ]
    across = [(at + 0.5) / (2 * BINS) for at in range(BINS)]
    return curves(across, lines, f"cycles per pixel; power{unit and f' in ({unit.strip()})²'}")
