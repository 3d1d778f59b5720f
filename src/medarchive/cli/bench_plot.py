"""Plot: the charts of the benchmarks as SVG, or as PNG through Pillow."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medarchive.cli.canvas import check_pillow, png, svg
from medarchive.cli.files import write_once
from medarchive.errors import SettingsError

if TYPE_CHECKING:
    from medarchive.bench.results import Row
    from medarchive.cli.shapes import Shape

__all__ = ["check_plot", "draw_plot", "draw_shapes"]

_SCALE = 2


def check_plot(file: Path) -> None:
    """Whether such a file can be drawn here.

    Raises:
        SettingsError: its suffix is no format, or Pillow is not installed.
    """
    suffix = file.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise SettingsError(f"--plot {file}: draws .svg and .png, not {suffix or 'a file without suffix'}")
    if suffix == ".png":
        check_pillow(f"--plot {file}", "draw a .svg")


def draw_plot(file: Path, rows: "Sequence[Row]", reference: str, conditions: str) -> None:
    """Draw the lossless rows of the total."""
    from medarchive.cli.bench_chart import HEIGHT, WIDTH, chart

    shapes = chart([row for row in rows if not row.max_error], reference, conditions)
    draw_shapes(file, list(shapes), (WIDTH, HEIGHT))


def draw_shapes(file: Path, shapes: "Sequence[Shape]", size: tuple[int, int]) -> None:
    """Draw shapes on a canvas of a width and a height, in the format of the file's suffix."""
    data = png(shapes, size, _SCALE) if file.suffix.lower() == ".png" else svg(shapes, size).encode("utf-8")
    write_once(file, io.BytesIO(data), replace=True)
