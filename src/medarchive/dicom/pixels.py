"""Pixels: a file's pixel data as frames, without ever holding all of them."""

import threading
from dataclasses import replace
from typing import BinaryIO

from medarchive.codecs.limits import MAX_FRAMES, MAX_SAMPLES, MAX_SIDE
from medarchive.dicom.part10 import DEFLATED, PIXEL_TAGS, Header
from medarchive.dicom.recipe import Fill, Layout, Reason, Recipe, Verbatim
from medarchive.image import Image

__all__ = ["MOST_AROUND", "StreamFrames", "plan"]

MOST_AROUND = 1 << 28
"""Bytes of head and tail together that are split off; where there are more, the file is kept verbatim."""
_CHUNK = 4 << 20


def plan(header: Header, stream: BinaryIO) -> Recipe | Verbatim:
    """How the pixel data of a file becomes an image, or why it does not.

    Reads all native pixel data once where fewer bits are stored than allocated, to see what the others hold.
    """
    obstacle = _obstacle(header, stream)
    if obstacle is not None:
        return obstacle
    pixel = header.pixel
    assert pixel is not None
    assert pixel.value_length is not None
    there = max(min(pixel.value_length, header.size - pixel.value_offset), 0)
    recipe = _described(header, there)
    if isinstance(recipe, Verbatim):
        return recipe
    wide = recipe.columns * (2 if recipe.layout == "ybr422" else 1)
    values = recipe.rows * wide * (1 if recipe.layout == "ybr422" else recipe.samples)
    if max(recipe.rows, wide) > MAX_SIDE or values > MAX_SAMPLES or recipe.frames > MAX_FRAMES:
        return Verbatim(Reason.LARGE, f"{recipe.frames} frames of {recipe.rows} x {recipe.columns} x {recipe.samples}")
    if header.size - recipe.body_bytes > MOST_AROUND:
        return Verbatim(Reason.LARGE, f"{header.size - recipe.body_bytes} bytes beside the pixel data")
    return recipe if recipe.allocated == 1 else _filled(recipe, stream, pixel.value_offset)


def _obstacle(header: Header, stream: BinaryIO) -> Verbatim | None:
    """Why there is no native pixel data to look at, None where there is."""
    if header.trouble == DEFLATED:
        return Verbatim(Reason.DEFLATED)
    if header.trouble:
        return Verbatim(Reason.STRUCTURE, header.trouble)
    if header.pixel is None:
        return Verbatim(Reason.NONE)
    if PIXEL_TAGS[header.pixel.tag] != "native":
        return Verbatim(Reason.FLOAT)
    stream.seek(header.pixel.value_offset)
    fragments = _is_compressed(header.transfer_syntax) and stream.read(4) == b"\xfe\xff\x00\xe0"
    return Verbatim(Reason.ENCAPSULATED) if header.pixel.value_length is None or fragments else None


def _is_compressed(transfer_syntax: str) -> bool:
    """Whether pixel data must be encapsulated (PS3.5 A.4); some writers give it a length nevertheless."""
    return transfer_syntax.startswith(("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5"))


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
        start, length, skip_bits = self._recipe.span(first, last)
        with self._guard:
            self._stream.seek(self._offset + start)
            data = self._stream.read(length)
        return self._recipe.image(data, skip_bits, last - first)


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
    if not (stored <= high + 1 <= allocated):  # no such bits: whole words, as everyone reads them
        stored, high = allocated, allocated - 1
    layout = _layout(header, rows * columns * frames, samples, allocated, there)
    if layout == "ybr422" and columns % 2:
        return Verbatim(Reason.GEOMETRY, "YBR_FULL_422 with an odd number of columns")
    recipe = Recipe(
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        allocated=allocated,
        stored=stored,
        high=high,
        signed=header.integer(0x00280103) == 1 and allocated > 1,
        big_endian=_big_endian(header, allocated),
        layout=layout,
        fill="zero" if sound else "word",
    )
    whole = there * 8 // recipe.unit_bits * recipe.unit_bits // recipe.frame_bits
    if not whole:
        return Verbatim(Reason.SHORT, f"{there} bytes, a frame has {(recipe.frame_bits + 7) // 8}")
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
    left = recipe.span(0, recipe.frames)[1]
    while left and fits and (data := stream.read(min(_CHUNK, left))):
        left -= len(data)
        fits &= recipe.fits(data)
    fill: Fill = "sign" if "sign" in fits else "zero" if "zero" in fits else "word"
    return replace(recipe, fill=fill)
