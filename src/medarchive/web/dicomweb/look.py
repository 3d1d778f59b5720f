"""Look: what the query of a rendered resource asks for (PS3.18 8.3.5.1)."""

import math
import re

from django.http import HttpRequest

from medarchive.view import Function
from medarchive.web.dicomweb.failures import BadRequest
from medarchive.web.dicomweb.picture import Look, Viewport

__all__ = ["look_of"]

_FUNCTIONS: dict[str, Function] = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_LARGEST = 8192
"""Rows and columns of a viewport."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def look_of(request: HttpRequest, usual: Look) -> Look:
    """How a picture is to be shown; where nothing is said, as usual.

    Raises:
        BadRequest: a parameter of another form.
    """
    window, function = usual.window, usual.function
    said = request.GET.get("window")
    if said is not None:
        window, function = _window(said)
    viewport = usual.viewport
    if "viewport" in request.GET:
        viewport = _viewport(request.GET["viewport"])
    quality = usual.quality
    if "quality" in request.GET:
        text = request.GET["quality"]
        if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= 100:
            raise BadRequest(f"quality={text[:32]!r}: expected 1 to 100")
        quality = int(text)
    return Look(window, function, viewport, quality)


def _window(said: str) -> tuple[tuple[float, float], Function]:
    parts = [part.strip() for part in said.split(",")]
    function = _FUNCTIONS.get(parts[2].lower() if len(parts) == 3 else "linear")
    numbers = [_number(part) for part in parts[:2]]
    if function is None or not 2 <= len(parts) <= 3 or None in numbers:
        raise BadRequest(f"window={said[:64]!r}: expected CENTER,WIDTH[,linear|linear-exact|sigmoid]")
    centre, width = (number or 0.0 for number in numbers)
    if width < 1 if function == "LINEAR" else width <= 0:
        raise BadRequest(f"window={said[:64]!r}: the width is too small (PS3.3 C.11.2.1.2)")
    return (centre, width), function


def _viewport(said: str) -> Viewport:
    parts = [part.strip() for part in said.split(",")]
    numbers = [_number(part) if part else 0.0 for part in parts]
    if len(parts) not in (2, 6) or None in numbers:
        raise BadRequest(f"viewport={said[:64]!r}: expected WIDTH,HEIGHT[,LEFT,TOP,COLUMNS,ROWS]")
    width, height, left, top, across, down = [number or 0.0 for number in [*numbers, 0.0, 0.0, 0.0, 0.0][:6]]
    if not (1 <= width <= _LARGEST and 1 <= height <= _LARGEST and left >= 0 and top >= 0):
        raise BadRequest(f"viewport={said[:64]!r}: expected 1 to {_LARGEST} pixels each way, and a place in the image")
    return Viewport(int(width), int(height), left, top, across, down)


def _number(text: str) -> float | None:
    """A finite number of moderate size."""
    number = float(text) if len(text) <= 32 and _NUMBER.fullmatch(text) else math.nan
    return number if abs(number) <= 1e9 else None
