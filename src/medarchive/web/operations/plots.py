"""Plots: what a template needs to draw bars as SVG. Colours come from the style sheet, by class."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bar", "bars", "columns"]

_WIDTH, _HEIGHT = 600, 120
_ROW = 28


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle: what it is of, in words, and where it is."""

    label: str
    words: str
    x: float
    y: float
    width: float
    height: float


def bars(rows: Sequence[tuple[str, str, float]], *, longest: float) -> list[Bar]:
    """Bars below one another, of (label, words, value); ``longest`` is the value of a bar of full width."""
    scale = _WIDTH / longest if longest else 0
    return [
        Bar(label, words, 0, number * _ROW, max(value * scale, 1), _ROW - 10)
        for number, (label, words, value) in enumerate(rows)
    ]


def columns(rows: Sequence[tuple[str, str, float]]) -> list[Bar]:
    """Bars beside one another, the highest as high as there is room."""
    highest = max((value for _, _, value in rows), default=0)
    step = _WIDTH / max(len(rows), 1)
    out = []
    for number, (label, words, value) in enumerate(rows):
        height = _HEIGHT * value / highest if highest else 0
        out.append(Bar(label, words, round(number * step, 2), round(_HEIGHT - height, 2), round(step * 0.8, 2), height))
    return out
