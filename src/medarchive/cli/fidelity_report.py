"""The fidelity report: one page that a person can look at, with everything it needs inside."""

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from medarchive.cli.canvas import svg
from medarchive.cli.fidelity_charts import HEIGHT, WIDTH
from medarchive.cli.fidelity_judged import NOTICE, Judged
from medarchive.cli.fidelity_pictures import Bytes, colour_scale, png
from medarchive.cli.fidelity_views import Views, views
from medarchive.cli.files import write_once
from medarchive.codecs.fidelity import Verdict

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


def write_report(file: Path, judged: Judged) -> None:
    """Write the page; a file of that name is replaced."""
    write_once(file, io.BytesIO(page(judged).encode("utf-8")), replace=True)


def page(judged: Judged) -> str:
    """The verdict with its limits; of the frame with the largest error both images in each window, the difference and
    its scale, the errors' histogram and the noise spectra. Images of different shapes come without pictures.
    """
    verdict = judged.verdict
    said = "passed" if verdict.passed else "failed"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>Fidelity: {escape(judged.names[0])}</title><style>{_STYLE}</style></head><body>",
        f'<h1>Fidelity: <span class="{said}">{said}</span></h1>',
        f"<p>{escape(judged.pair)}</p>",
        *_reasons(verdict),
        *_table(verdict),
    ]
    if judged.limits:
        parts.append(f"<p>{escape(judged.limits)}</p>")
    seen = views(judged)
    if seen:
        parts += _pictures(seen)
    parts.append(f"<p>{NOTICE}</p></body></html>")
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


def _pictures(seen: Views) -> list[str]:
    parts = [f"<h2>{escape(seen.title)}</h2>"]
    for pair in seen.pairs:
        heading = [f"<h2>{escape(pair.caption)}</h2>"] if pair.caption else []
        parts += [*heading, _figures([("original", pair.original), ("decoded", pair.decoded)])]
    parts += [
        "<h2>Difference, decoded minus original</h2>",
        _figures([("", seen.difference)]),
        f'<img class="scale" alt="scale" src="{png(colour_scale())}">',
        f"<p>{escape(seen.scale)}</p>",
    ]
    for title, shapes in seen.charts:
        parts += [f"<h2>{escape(title)}</h2>", svg(shapes, (WIDTH, HEIGHT))]
    return parts


def _figures(pictures: Sequence[tuple[str, Bytes]]) -> str:
    figures = (
        f'<figure><img alt="{escape(name)}" src="{png(pixels)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, pixels in pictures
    )
    return f'<div class="row">{"".join(figures)}</div>'
