"""The fidelity report as one PNG: everything that the page has, drawn on one sheet."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from medarchive.cli.canvas import png
from medarchive.cli.fidelity_charts import HEIGHT, WIDTH
from medarchive.cli.fidelity_judged import NOTICE, Judged
from medarchive.cli.fidelity_pictures import Bytes, colour_scale
from medarchive.cli.fidelity_views import Views, views
from medarchive.cli.files import write_once
from medarchive.cli.shapes import Line, Shape, Words, words_width
from medarchive.codecs.fidelity import Check

__all__ = ["sheet", "write_sheet"]

_MARGIN, _GAP = 24, 12
_LEAST_SIDE = 384
"""Smaller pictures are enlarged by a whole number, so that their pixels are seen."""
_TEXT, _ROW = 13, 19
_MOST_LETTERS = 160
_INK, _SOFT, _GRID, _GOOD, _BAD = "#1f2933", "#616e7c", "#e4e7eb", "#00796b", "#b2182b"


def write_sheet(file: Path, judged: Judged) -> None:
    """Write the sheet; a file of that name is replaced."""
    write_once(file, io.BytesIO(sheet(judged)), replace=True)


def sheet(judged: Judged) -> bytes:
    """What ``fidelity_report.page`` has, as a PNG."""
    drawn, verdict = _Sheet(), judged.verdict
    said = "passed" if verdict.passed else "FAILED"
    drawn.words(f"Fidelity: {said}", 20, _GOOD if verdict.passed else _BAD)
    drawn.words(judged.pair, _TEXT, _INK)
    drawn.table(verdict.checks)
    if judged.limits:
        drawn.words(judged.limits, _TEXT, _SOFT)
    seen = views(judged)
    if seen:
        drawn.views(seen)
    drawn.words(NOTICE, _TEXT, _SOFT)
    return drawn.png()


class _Sheet:
    """A canvas that is filled from top to bottom, and as wide as what stands on it."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._pictures: list[tuple[int, int, Bytes]] = []
        self._right, self._y = 0, _MARGIN - 16

    def words(self, text: str, size: int, colour: str) -> None:
        """A line of text; a large one, a heading, keeps its distance."""
        self._y += size + (2 if size == _TEXT else 16)
        self._write(_MARGIN, self._y, text, size, colour)
        self._y += 7

    def table(self, checks: tuple[Check, ...]) -> None:
        """Every check with its value, limit, verdict and remark."""
        rows = [(c.name, c.measured, c.limit, "passed" if c.passed else "FAILED", c.remark) for c in checks]
        heads = ("check", "value", "limit", "", "remark")
        widths = [
            round(max(words_width(row[at][:_MOST_LETTERS], _TEXT) for row in (heads, *rows))) + 16 for at in range(5)
        ]
        self._y += 8
        for row in (heads, *rows):
            self._y += _ROW
            left = _MARGIN
            for text, width in zip(row, widths, strict=True):
                colour = {"passed": _GOOD, "FAILED": _BAD}.get(text, _SOFT if row is heads else _INK)
                self._write(left, self._y - 5, text, _TEXT, colour)
                left += width
            self._shapes.append(Line(_MARGIN, self._y, _MARGIN + sum(widths), self._y, _GRID))
        self._y += 8

    def views(self, seen: Views) -> None:
        """Both images in each window, side by side; then the difference, and the charts beside it."""
        self.words(seen.title, 16, _INK)
        for pair in seen.pairs:
            if pair.caption:
                self._y += 6
                self.words(pair.caption, _TEXT, _INK)
            top, left = self._y, _MARGIN
            for name, pixels in (("original", pair.original), ("decoded", pair.decoded)):
                left, self._y = self._picture(left, top, pixels, name)
        self.words("Difference, decoded minus original", 16, _INK)
        top = self._y
        left, below = self._picture(_MARGIN, top, seen.difference, "")
        strip = colour_scale()
        _, below = self._picture(_MARGIN, below, strip, seen.scale, enlarged=False)
        for title, shapes in seen.charts:
            self._write(left + 16, top + _TEXT, title, _TEXT, _INK)
            self._shapes += _moved(shapes, left + 16, top + _ROW)
            top += _ROW + HEIGHT
            self._right = max(self._right, left + 16 + WIDTH)
        self._y = max(below, top) + 8

    def png(self) -> bytes:
        """The sheet as it is now."""
        size = (self._right + _MARGIN, self._y + _MARGIN)
        return png(self._shapes, size, 1, self._pictures)

    def _write(self, x: int, y: int, text: str, size: int, colour: str) -> None:
        text = text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 3]}..."
        self._shapes.append(Words(x, y, text, size, colour))
        self._right = max(self._right, x + round(words_width(text, size)))

    def _picture(self, left: int, top: int, pixels: Bytes, caption: str, *, enlarged: bool = True) -> tuple[int, int]:
        """Place a picture with its caption below; where the next one beside it, and what follows below, begins."""
        times = max(_LEAST_SIDE // max(pixels.shape[:2]), 1) if enlarged else 1
        large = np.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
        self._pictures.append((left, top, large))
        height, width = large.shape[:2]
        below = top + height + 6
        if caption:
            self._write(left, below + _TEXT, caption, _TEXT, _SOFT)
            below += _ROW + 2
        self._right = max(self._right, left + width)
        return left + width + _GAP, below


def _moved(shapes: Iterable[Shape], right: int, down: int) -> Iterator[Shape]:
    for shape in shapes:
        if isinstance(shape, Line):
            yield replace(shape, x1=shape.x1 + right, y1=shape.y1 + down, x2=shape.x2 + right, y2=shape.y2 + down)
        else:
            yield replace(shape, x=shape.x + right, y=shape.y + down)
