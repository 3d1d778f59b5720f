"""Picture: a frame as a browser can show it, in grey or in colour (PS3.18 8.3.5.1, 10.4.1.1)."""

import io
import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset

from medarchive.dicom.colour import coloured
from medarchive.dicom.display import view
from medarchive.image import Image
from medarchive.view import Function

__all__ = ["Look", "Viewport", "drawn", "encoded"]

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Viewport:
    """What of a picture is shown, and how large.

    Attributes:
        width: of what comes out, at most, in pixels.
        height: the same.
        left: the first column of the picture that is shown; ``top``: the first row.
        across: how many columns, all to the end where it is 0; below 0 they are mirrored. ``down``: rows, the same.
    """

    width: int
    height: int
    left: float = 0
    top: float = 0
    across: float = 0
    down: float = 0


@dataclass(frozen=True, slots=True)
class Look:
    """How a frame is to be shown.

    Attributes:
        window: centre and width, None for what the object wants.
        function: of ``window``.
        viewport: None for all of it, as large as it is.
        quality: of JPEG, 1 to 100.
    """

    window: tuple[float, float] | None = None
    function: Function = "LINEAR"
    viewport: Viewport | None = None
    quality: int = 90


def drawn(dataset: Dataset, image: Image, frame: int, look: Look) -> Pillow.Image:
    """A frame as a picture.

    Args:
        dataset: its object's header.
        image: its stored values.
        frame: its number in the object, from 0.
        look: how it is to be shown.
    """
    picture = Pillow.fromarray(_pixels(dataset, image, frame, look))
    return picture if look.viewport is None else _in(picture, look.viewport)


def encoded(picture: Pillow.Image, media: str, quality: int) -> io.BytesIO:
    """A picture as ``image/jpeg`` or ``image/png``."""
    out = io.BytesIO()
    if media == "image/png":
        picture.save(out, "PNG", compress_level=3)
    else:
        picture.save(out, "JPEG", quality=quality)
    out.seek(0)
    return out


def _pixels(dataset: Dataset, image: Image, frame: int, look: Look) -> Bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values
        colour = coloured(dataset, image)
    if colour is not None:
        return colour
    seen = view(dataset, image, frame)
    if look.window is not None:
        seen = replace(seen, window=look.window, function=look.function, table=None)
    return np.asarray(np.rint(seen.shown() * 255), np.uint8)


def _in(picture: Pillow.Image, port: Viewport) -> Pillow.Image:
    """The part that a viewport shows, as large as fits into it without changing its shape (8.3.5.1.3)."""
    across, down = port.across or picture.width - port.left, port.down or picture.height - port.top
    right = min(max(port.left + abs(across), port.left + 1), picture.width)
    bottom = min(max(port.top + abs(down), port.top + 1), picture.height)
    box = (min(port.left, picture.width - 1), min(port.top, picture.height - 1), right, bottom)
    scale = min(port.width / (box[2] - box[0]), port.height / (box[3] - box[1]))
    size = tuple(max(round(side * scale), 1) for side in (box[2] - box[0], box[3] - box[1]))
    found = picture.resize((size[0], size[1]), Pillow.Resampling.BILINEAR, box, reducing_gap=2.0)
    if across < 0:
        found = found.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)
    return found.transpose(Pillow.Transpose.FLIP_TOP_BOTTOM) if down < 0 else found
