"""Shapes: lines, boxes, dots and words on a canvas, for whatever draws them; scales that place values on it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Box", "Dot", "Line", "LogScale", "Scale", "Shape", "Words", "words_width"]


@dataclass(frozen=True, slots=True)
class Line:
    """From one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float = 1


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; ``x`` is its start, middle or end, ``y`` its base line."""

    x: float
    y: float
    text: str
    size: int
    colour: str
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Line | Box | Dot | Words


def words_width(text: str, size: float) -> float:
    """About how wide a line of text is."""
    return 0.57 * size * len(text)


class Scale:
    """Even steps; round numbers that enclose all values."""

    def __init__(self, values: Iterable[float], span: tuple[float, float]) -> None:
        """A scale.

        Args:
            values: that are to be placed.
            span: where the first tick lies on the canvas, and where the last.
        """
        given = sorted(values) or [0.0, 1.0]
        room = max(given[-1] - given[0], 1.0) * 1.15
        magnitude = 10.0 ** math.floor(math.log10(room / 5))
        step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= room / 5)
        first, last = math.floor(given[0] / step - 0.1), math.ceil(given[-1] / step + 0.1)
        self.ticks = [number * step for number in range(first, last + 1)]
        self._span = span

    def at(self, value: float) -> float:
        """Where a value lies."""
        low, high = self.ticks[0], self.ticks[-1]
        return self._span[0] + (value - low) / (high - low) * (self._span[1] - self._span[0])


class LogScale:
    """Steps of 1, 2 and 5 in each decade that enclose all values."""

    def __init__(self, values: Iterable[float], span: tuple[float, float], room: float = 1.15) -> None:
        """A scale.

        Args:
            values: that are to be placed, above 0.
            span: where the first tick lies on the canvas, and where the last.
            room: the ratio at least between an end and the value next to it.
        """
        given = sorted(values) or [1.0]
        steps = [factor * 10.0**power for power in range(-6, 7) for factor in (1, 2, 5)]
        first = max((step for step in steps if step <= given[0] / room * 1.001), default=steps[0])
        last = min((step for step in steps if step >= given[-1] * room / 1.001), default=steps[-1])
        self.ticks = [step for step in steps if first <= step <= last]
        self._span = span

    def at(self, value: float) -> float:
        """Where a value lies."""
        low, high = math.log(self.ticks[0]), math.log(self.ticks[-1])
        return self._span[0] + (math.log(value) - low) / (high - low) * (self._span[1] - self._span[0])
