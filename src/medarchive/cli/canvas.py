"""Canvas: shapes drawn as SVG, or as PNG through Pillow."""

import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from medarchive.cli.shapes import Box, Dot, Line, Shape
from medarchive.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_pillow", "png", "svg"]

_OVERSAMPLED = 2


def check_pillow(asked: str, instead: str) -> None:
    """Whether PNG can be drawn here.

    Args:
        asked: option and file, for the message.
        instead: what can be done without.

    Raises:
        SettingsError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: F401  # is it there?
    except ImportError as error:
        raise SettingsError(f"{asked}: PNG needs Pillow; pip install 'medarchive[plot]', or {instead}") from error


def svg(shapes: Iterable[Shape], canvas: tuple[int, int]) -> str:
    """Shapes on a white canvas of a width and a height."""
    width, height = canvas
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for shape in shapes:
        if isinstance(shape, Line):
            ends = f'x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" y2="{shape.y2:.1f}"'
            thick = f' stroke-width="{shape.width:g}"' if shape.width != 1 else ""
            lines.append(f'<line {ends} stroke="{shape.colour}"{thick}/>')
        elif isinstance(shape, Box):
            where = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
            lines.append(f'<rect {where} fill="{shape.colour}"/>')
        elif isinstance(shape, Dot):
            lines.append(f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius}" fill="{shape.colour}"/>')
        else:
            where = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}" font-size="{shape.size}"'
            lines.append(f'<text {where} fill="{shape.colour}">{escape(shape.text)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def png(
    shapes: Iterable[Shape],
    canvas: tuple[int, int],
    scale: int,
    pictures: "Sequence[tuple[int, int, NDArray[Any]]]" = (),
) -> bytes:
    """Shapes on a white canvas, drawn larger and scaled down, for smooth edges; pictures as they are, over them.

    Args:
        shapes: to be drawn, in order.
        canvas: width and height, in units of the shapes.
        scale: pixels to a unit.
        pictures: left and upper edge, in units, and 8 bit pixels, grey or RGB.
    """
    from PIL import Image, ImageDraw, ImageFont

    width, height = canvas
    k = scale * _OVERSAMPLED
    image = Image.new("RGB", (width * k, height * k), "#ffffff")
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, Line):
            ends = (shape.x1 * k, shape.y1 * k, shape.x2 * k, shape.y2 * k)
            draw.line(ends, shape.colour, width=round(shape.width * k))
        elif isinstance(shape, Box):
            x, y = shape.x * k, shape.y * k
            draw.rectangle((x, y, x + shape.width * k, y + shape.height * k), shape.colour)
        elif isinstance(shape, Dot):
            r = shape.radius * k
            x, y = shape.x * k, shape.y * k
            draw.ellipse((x - r, y - r, x + r, y + r), shape.colour)
        else:
            font = ImageFont.load_default(shape.size * k)
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            draw.text((shape.x * k, shape.y * k), shape.text, shape.colour, font, anchor)
    small = image.resize((width * scale, height * scale), Image.Resampling.LANCZOS)
    for left, top, pixels in pictures:
        small.paste(Image.fromarray(pixels), (left * scale, top * scale))
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()
