"""Chart: size against speed."""

from collections.abc import Iterator, Sequence
from typing import Literal

from medarchive.bench.results import Row
from medarchive.cli.shapes import Dot, Line, LogScale, Scale, Shape, Words, words_width

__all__ = ["HEIGHT", "WIDTH", "chart"]

WIDTH, HEIGHT = 1120, 600
_TOP, _BOTTOM = 140, 520
_PANELS = ((90, 540), (640, 1090))
_INK, _FAINT, _GRID, _OURS, _THEIRS = "#1f2933", "#616e7c", "#e4e7eb", "#00796b", "#7b8794"
_TITLE, _TEXT, _SMALL = 20, 14, 12
_RADIUS = 6
_AROUND: tuple[tuple[float, float, Literal["start", "middle", "end"]], ...] = (
    *((11, 5, "start"), (-11, 5, "end"), (0, -12, "middle"), (0, 22, "middle")),
    *((9, -9, "start"), (9, 19, "start"), (-9, -9, "end"), (-9, 19, "end")),
    *((0, -28, "middle"), (0, 38, "middle"), (11, -25, "start"), (11, 35, "start")),
)
"""Where a label may stand beside its dot, the best place first."""


_Box = tuple[float, float, float, float]


def chart(rows: Sequence[Row], reference: str, conditions: str) -> Iterator[Shape]:
    """Two panels, encoding and decoding; speed in Mpx/s across, size to the reference's up.

    Args:
        rows: the lossless ones of the total.
        reference: whose size is 100 %.
        conditions: goes below.
    """
    yield Words(30, 40, "Size against speed, lossless", _TITLE, _INK)
    yield Words(
        30, 64, f"Size in % of {reference}, geometric mean over series. Best is below, on the right.", _TEXT, _FAINT
    )
    yield Words(30, HEIGHT - 14, conditions, _SMALL, _FAINT)
    sizes = [100 * row.size_to_reference for row in rows if row.size_to_reference is not None]
    down = Scale(sizes, (_BOTTOM, _TOP))
    for (left, right), what in zip(_PANELS, ("encode", "decode"), strict=True):
        points = [
            (getattr(row, f"{what}_mpx_s"), 100 * row.size_to_reference, row)
            for row in rows
            if row.size_to_reference is not None and getattr(row, f"{what}_mpx_s") is not None
        ]
        yield Words(left, _TOP - 24, f"{what.capitalize()}, Mpx/s", _TEXT, _INK)
        across = LogScale([speed for speed, _, _ in points], (left, right))
        yield from _axes(across, down, left, right)
        yield from _points([(across.at(x), down.at(y), row) for x, y, row in points], left, right)


def _axes(across: LogScale, down: Scale, left: float, right: float) -> Iterator[Shape]:
    for tick in down.ticks:
        y = down.at(tick)
        yield Line(left, y, right, y, _FAINT if tick == 100 else _GRID)
        yield Words(left - 10, y + 4, f"{tick:g} %", _SMALL, _FAINT, "end")
    thinned = across.ticks if len(across.ticks) <= 10 else [t for t in across.ticks if f"{t:e}"[0] == "1"]
    for tick in thinned:
        x = across.at(tick)
        yield Line(x, _TOP, x, _BOTTOM, _GRID)
        yield Words(x, _BOTTOM + 20, f"{tick:g}", _SMALL, _FAINT, "middle")


def _points(points: Sequence[tuple[float, float, Row]], left: float, right: float) -> Iterator[Shape]:
    taken: list[_Box] = [(x - 8, y - 8, x + 8, y + 8) for x, y, _ in points]
    for x, y, row in sorted(points, key=lambda point: not point[2].ours):
        colour = _OURS if row.ours else _THEIRS
        yield Dot(x, y, _RADIUS, colour)
        name = row.codec if row.series == row.of else f"{row.codec} ({row.series} of {row.of})"
        label, box = _placed(x, y, name, _OURS if row.ours else _INK, taken, (left, right))
        taken.append(box)
        yield label


def _placed(
    x: float, y: float, text: str, colour: str, taken: Sequence[_Box], sides: tuple[float, float]
) -> tuple[Words, _Box]:
    """A label beside its dot, where it covers least of what is there."""
    width = words_width(text, _TEXT)
    choices: list[tuple[float, int, _Box, Words]] = []
    for dx, dy, anchor in _AROUND:
        start = x + dx - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        box = (start, y + dy - _TEXT * 0.8, start + width, y + dy + _TEXT * 0.25)
        outside = max(sides[0] - box[0], 0) + max(box[2] - sides[1], 0) + max(box[3] - _BOTTOM, 0)
        label = Words(x + dx, y + dy, text, _TEXT, colour, anchor)
        covered = sum(_overlap(box, other) for other in taken) + 20 * outside
        choices.append((covered, len(choices), box, label))
    _, _, box, label = min(choices, key=lambda choice: choice[:2])
    return label, box


def _overlap(one: _Box, other: _Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0
