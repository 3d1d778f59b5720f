"""Charts of the fidelity report: the histogram of errors and the noise spectra, as SVG."""

import math
from collections.abc import Sequence
from html import escape

__all__ = ["bars", "curves"]

_WIDTH, _HEIGHT = 460, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 448, 14, 180
_INK, _GRID = "#616e7c", "#e4e7eb"
_COLOURS = ("#1f2933", "#00796b")


def bars(values: Sequence[float], counts: Sequence[float], across: str) -> str:
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
            box = f'x="{_LEFT + at * wide:.1f}" y="{_BOTTOM - high:.1f}" width="{max(wide * 0.9, 0.5):.1f}"'
            parts.append(f'<rect {box} height="{high:.1f}" fill="{_COLOURS[1]}"/>')
    ends = [(f"{values[at]:.4g}", (at + 0.5) / len(values)) for at in (0, len(values) // 2, len(values) - 1)]
    return _framed([*parts, *_below(ends, across)])


def curves(across: Sequence[float], lines: Sequence[tuple[str, Sequence[float]]], named: str) -> str:
    """Lines of positive numbers on a logarithmic scale, each with its name.

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
        points = " ".join(
            f"{_LEFT + x / width * (_RIGHT - _LEFT):.1f},"
            f"{_BOTTOM - (math.log10(y) - low) / (high - low) * (_BOTTOM - _TOP):.1f}"
            for x, y in zip(across, line, strict=True)
            if y > 0
        )
        dashed = ' stroke-dasharray="5 3"' if place else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
        parts.append(_words(_RIGHT - 6, _TOP + 14 + 16 * place, name, colour, "end"))
    ticks = [(f"{x:.2g}", x / width) for x in (across[0], across[len(across) // 2], across[-1])]
    return _framed([*parts, *_below(ticks, named)])


def _grid(ticks: Sequence[tuple[str, float]]) -> list[str]:
    parts = []
    for label, share in ticks:
        y = _BOTTOM - share * (_BOTTOM - _TOP)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_words(_LEFT - 6, y + 4, label, _INK, "end"))
    return parts


def _below(ticks: Sequence[tuple[str, float]], name: str) -> list[str]:
    words = [_words(_LEFT + share * (_RIGHT - _LEFT), _BOTTOM + 16, label, _INK, "middle") for label, share in ticks]
    return [*words, _words((_LEFT + _RIGHT) / 2, _BOTTOM + 34, name, _INK, "middle")]


def _words(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _framed(parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="12">', *parts, "</svg>"])
