"""Plot: the charts of the benchmarks as SVG, or as PNG through Pillow."""

import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from medarchive.cli.files import write_once
from medarchive.errors import SettingsError

if TYPE_CHECKING:
    from medarchive.bench.results import Row
    from medarchive.cli.bench_shapes import Shape

__all__ = ["check_plot", "draw_plot", "draw_shapes"]

_SCALE = 2
_OVERSAMPLED = 2


def check_plot(file: Path) -> None:
    """Whether such a file can be drawn here.

    Raises:
        SettingsError: its suffix is no format, or Pillow is not installed.
    """
    suffix = file.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise SettingsError(f"--plot {file}: draws .svg and .png, not {suffix or 'a file without suffix'}")
    if suffix == ".png":
        try:
            from PIL import Image, ImageDraw, ImageFont  # noqa: F401  # is it there?
        except ImportError as error:
            raise SettingsError(
                f"--plot {file}: PNG needs Pillow; pip install 'medarchive[plot]', or draw a .svg"
            ) from error


def draw_plot(file: Path, rows: "Sequence[Row]", reference: str, conditions: str) -> None:
    """Draw the lossless rows of the total."""
    from medarchive.cli.bench_chart import HEIGHT, WIDTH, chart

    shapes = chart([row for row in rows if not row.max_error], reference, conditions)
    draw_shapes(file, list(shapes), (WIDTH, HEIGHT))


def draw_shapes(file: Path, shapes: "Sequence[Shape]", size: tuple[int, int]) -> None:
    """Draw shapes on a canvas of a width and a height, in the format of the file's suffix."""
    data = _png(shapes, size) if file.suffix.lower() == ".png" else _svg(shapes, size).encode("utf-8")
    write_once(file, io.BytesIO(data), replace=True)


def _svg(shapes: "Iterable[Shape]", canvas: tuple[int, int]) -> str:
    from medarchive.cli.bench_shapes import Dot, Line

    width, height = canvas
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for shape in shapes:
        if isinstance(shape, Line):
            ends = f'x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" y2="{shape.y2:.1f}"'
            lines.append(f'<line {ends} stroke="{shape.colour}"/>')
        elif isinstance(shape, Dot):
            lines.append(f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius}" fill="{shape.colour}"/>')
        else:
            where = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}" font-size="{shape.size}"'
            lines.append(f'<text {where} fill="{shape.colour}">{escape(shape.text)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _png(shapes: "Iterable[Shape]", size: tuple[int, int]) -> bytes:
    """Drawn larger and scaled down, for smooth edges; in the end two pixels to a unit of the chart."""
    from PIL import Image, ImageDraw, ImageFont

    from medarchive.cli.bench_shapes import Dot, Line

    width, height = size
    k = _SCALE * _OVERSAMPLED
    image = Image.new("RGB", (width * k, height * k), "#ffffff")
    canvas = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, Line):
            canvas.line((shape.x1 * k, shape.y1 * k, shape.x2 * k, shape.y2 * k), shape.colour, width=k)
        elif isinstance(shape, Dot):
            r = shape.radius * k
            x, y = shape.x * k, shape.y * k
            canvas.ellipse((x - r, y - r, x + r, y + r), shape.colour)
        else:
            font = ImageFont.load_default(shape.size * k)
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            canvas.text((shape.x * k, shape.y * k), shape.text, shape.colour, font, anchor)
    small = image.resize((width * _SCALE, height * _SCALE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()
