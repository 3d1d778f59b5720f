"""Pixels: a file's pixel data as frames, without ever holding all of them."""

import threading
from dataclasses import replace
from typing import BinaryIO

from medarchive.dicom.part10 import DEFLATED, PIXEL_TAGS, Header
from medarchive.dicom.recipe import Fill, Layout, Reason, Recipe, Verbatim
from medarchive.image import Image

__all__ = ["StreamFrames", "plan"]

_CHUNK = 4 << 20


def plan(header: Header, stream: BinaryIO) -> Recipe | Verbatim:
    """How the pixel data of a file becomes an image, or why it does not.

    Reads all native pixel data once where fewer bits are stored than allocated, to see what the others hold.
    """
    obstacle = _obstacle(header)
    if obstacle is not None:
        return obstacle
    pixel = header.pixel
    assert pixel is not None
    assert pixel.value_length is not None
    there = max(min(pixel.value_length, header.size - pixel.value_offset), 0)
    recipe = _described(header, there)
    if isinstance(recipe, Recipe) and recipe.allocated > 1:
        return _filled(recipe, stream, pixel.value_offset)
    return recipe


def _obstacle(header: Header) -> Verbatim | None:
    """Why there is no native pixel data to look at, None where there is."""
    if header.trouble == DEFLATED:
        return Verbatim(Reason.DEFLATED)
    if header.trouble:
        return Verbatim(Reason.STRUCTURE, header.trouble)
    if header.pixel is None:
        return Verbatim(Reason.NONE)
    if PIXEL_TAGS[header.pixel.tag] != "native":
        return Verbatim(Reason.FLOAT)
    return Verbatim(Reason.ENCAPSULATED) if header.pixel.value_length is None else None


class StreamFrames:
    """The frames of a file's native pixel data, read when they are asked for. Any thread may ask."""

    def __init__(self, stream: BinaryIO, offset: int, recipe: Recipe) -> None:
        self._stream = stream
        self._offset = offset
        self._recipe = recipe
        self._guard = threading.Lock()

    def __len__(self) -> int:
        """How many frames there are."""
        return self._recipe.frames

    def __getitem__(self, frames: slice) -> Image:
        """Consecutive frames as an image."""
        first, last, _ = frames.indices(len(self))
        start, end = first * self._recipe.frame_bits, last * self._recipe.frame_bits
        with self._guard:
            self._stream.seek(self._offset + start // 8)
            data = self._stream.read((end + 7) // 8 - start // 8)
        return self._recipe.image(data, start % 8, last - first)


def _described(header: Header, there: int) -> Recipe | Verbatim:
    """The recipe that the header's Image Pixel module describes (PS3.3 C.7.6.3), for as many bytes as are there."""
    rows, columns = header.integer(0x00280010) or 0, header.integer(0x00280011) or 0
    samples = header.integer(0x00280002) or 1
    allocated = header.integer(0x00280100) or 0
    stored = header.integer(0x00280101) or allocated
    high = header.integer(0x00280102)
    high = stored - 1 if high is None else high
    frames = max(header.integer(0x00280008) or 1, 1)
    if not (rows and columns and 1 <= samples <= 4 and allocated in (1, 8, 16, 32)):
        detail = f"{rows} rows, {columns} columns, {samples} samples, {allocated} bits allocated"
        return Verbatim(Reason.GEOMETRY, detail)
    sound = 1 <= stored <= allocated and high == stored - 1
    layout = _layout(header, rows * columns * frames, samples, allocated, there)
    if layout == "ybr422" and columns % 2:
        return Verbatim(Reason.GEOMETRY, "YBR_FULL_422 with an odd number of columns")
    recipe = Recipe(
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        allocated=allocated,
        stored=min(stored, allocated),
        high=min(max(high, 0), allocated - 1),
        signed=header.integer(0x00280103) == 1 and allocated > 1,
        big_endian=_big_endian(header, allocated),
        layout=layout,
        fill="zero" if sound else "word",
    )
    if recipe.high + 1 < recipe.stored:
        return Verbatim(Reason.GEOMETRY, f"{stored} bits stored with high bit {high}")
    whole = there * 8 // recipe.frame_bits
    if not whole:
        return Verbatim(Reason.SHORT, f"{there} bytes, a frame has {(recipe.frame_bits + 7) // 8}")
    if recipe.allocated == 8 and recipe.big_endian and recipe.frame_bits % 16:
        return Verbatim(Reason.GEOMETRY, "frames of an odd number of bytes in big endian words")
    return replace(recipe, frames=min(frames, whole))


def _layout(header: Header, pixels: int, samples: int, allocated: int, there: int) -> Layout:
    subsampled = header.text(0x00280004, "CS").strip(" \0") in ("YBR_FULL_422", "YBR_PARTIAL_422")
    if subsampled and samples == 3 and allocated == 8 and there < 3 * pixels:
        return "ybr422"
    return "planar" if samples > 1 and header.integer(0x00280006) == 1 else "interleaved"


def _big_endian(header: Header, allocated: int) -> bool:
    """Whether words are big endian; bytes are swapped only where they were written as words."""
    assert header.pixel is not None
    return header.big_endian and (allocated > 8 or (allocated == 8 and header.pixel.vr == "OW"))


def _filled(recipe: Recipe, stream: BinaryIO, offset: int) -> Recipe:
    """The recipe with what the bits above the stored ones really hold, in all frames."""
    if recipe.fill == "word" or recipe.stored == recipe.allocated:
        return recipe
    fits: frozenset[Fill] = frozenset(("zero", "sign"))
    stream.seek(offset)
    left = recipe.body_bytes
    while left and fits and (data := stream.read(min(_CHUNK, left))):
        left -= len(data)
        fits &= recipe.fits(data)
    fill: Fill = "sign" if "sign" in fits else "zero" if "zero" in fits else "word"
    return replace(recipe, fill=fill)
