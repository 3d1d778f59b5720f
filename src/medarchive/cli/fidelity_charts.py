"""Charts of the fidelity report: the histogram of errors and the noise spectra, as shapes."""

import math
from collections.abc import Sequence
from itertools import pairwise

from medarchive.cli.shapes import Box, Dot, Line, Shape, Words

__all__ = ["HEIGHT", "WIDTH", "bars", "curves"]

WIDTH, HEIGHT = 460, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 448, 14, 180
_SIZE = 12
_INK, _GRID = "#616e7c", "#e4e7eb"
_COLOURS = ("#1f2933", "#00796b")


def bars(values: Sequence[float], counts: Sequence[float], across: str) -> list[Shape]:
    """How often each value is there, on a logarithmic scale.

    Args:
        values: in ascending order, evenly spaced.
        counts: as many; 0 draws none.
        across: what the values are.
    """
    top = max(max(counts, default=1), 10)
    decades = math.ceil(math.log10(top))
    wide = (_RIGHT - _LEFT) / max(len(values), 1)
    parts = _grid([(f"{10**at:g}", at / decades) for at in range(decades + 1)])
    for at, count in enumerate(counts):
        if count > 0:
            high = max(math.log10(count) / decades, 0.01) * (_BOTTOM - _TOP)
            parts.append(Box(_LEFT + at * wide, _BOTTOM - high, max(wide * 0.9, 0.5), high, _COLOURS[1]))
    ends = [(f"{values[at]:.4g}", (at + 0.5) / len(values)) for at in (0, len(values) // 2, len(values) - 1)]
    return [*parts, *_below(ends, across)]


def curves(across: Sequence[float], lines: Sequence[tuple[str, Sequence[float]]], named: str) -> list[Shape]:
    """Lines of positive numbers on a logarithmic scale, each with its name; all but the first have dots.

    Args:
        across: where each number is, in ascending order.
        lines: names, and numbers as many as ``across`` has.
        named: what ``across`` is.
    """
    numbers = [number for _, line in lines for number in line if number > 0] or [1.0]
    low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)) + 1e-9)
    high = max(high, low + 1)
    parts = _grid([(f"{10.0**at:g}", (at - low) / (high - low)) for at in range(low, high + 1)])
    width = across[-1] or 1.0
    for place, (name, line) in enumerate(lines):
        colour = _COLOURS[place % len(_COLOURS)]
        points = [
            (
                _LEFT + x / width * (_RIGHT - _LEFT),
                _BOTTOM - (math.log10(y) - low) / (high - low) * (_BOTTOM - _TOP),
            )
            for x, y in zip(across, line, strict=True)
            if y > 0
        ]
        parts += [Line(*start, *end, colour, 2) for start, end in pairwise(points)]
        parts += [Dot(*point, 3, colour) for point in points if place]
        parts.append(Words(_RIGHT - 6, _TOP + 14 + 16 * place, name, _SIZE, colour, "end"))
    ticks = [(f"{x:.2g}", x / width) for x in (across[0], across[len(across) // 2], across[-1])]
    return [*parts, *_below(ticks, named)]


def _grid(ticks: Sequence[tuple[str, float]]) -> list[Shape]:
    parts: list[Shape] = []
    for label, share in ticks:
        y = _BOTTOM - share * (_BOTTOM - _TOP)
        parts += [Line(_LEFT, y, _RIGHT, y, _GRID), Words(_LEFT - 6, y + 4, label, _SIZE, _INK, "end")]
    return parts


def _below(ticks: Sequence[tuple[str, float]], name: str) -> list[Shape]:
    parts: list[Shape] = [
        Words(_LEFT + share * (_RIGHT - _LEFT), _BOTTOM + 16, label, _SIZE, _INK, "middle") for label, share in ticks
    ]
    return [*parts, Words((_LEFT + _RIGHT) / 2, _BOTTOM + 34, name, _SIZE, _INK, "middle")]
