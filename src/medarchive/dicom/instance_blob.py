"""The header blob: everything of a Part 10 file but its frames, and how they become its bytes again.

Laid out in docs/format.md, "Instance". ``split`` and ``join`` are inverse to each other, to the byte.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import zstandard

from medarchive.codecs.base import Frames
from medarchive.dicom.part10 import read_header
from medarchive.dicom.pixels import MOST_AROUND, StreamFrames, plan
from medarchive.dicom.recipe import Fill, Layout, Recipe, Verbatim
from medarchive.errors import CorruptStream, LimitExceeded
from medarchive.image import Image

__all__ = ["Split", "around", "head_of", "join", "recipe_of", "split"]

MAGIC = b"\x89MEDH\r\n\x1a\n"
VERSION = 1
_FIXED = struct.Struct("<9sBIHHBBBBBBBQQ")
_CHECKED = struct.Struct("<I")
_LAYOUTS: tuple[Layout, ...] = ("interleaved", "planar", "ybr422")
_FILLS: tuple[Fill, ...] = ("zero", "sign", "word")
_LEVEL = 9


class Sink(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take some."""
        ...


@dataclass(frozen=True, slots=True)
class Split:
    """A file in two parts.

    Attributes:
        header: the header blob.
        frames: the frames, read from the file while it is open.
        recipe: how the bytes of the pixel data became frames.
    """

    header: bytes
    frames: Frames
    recipe: Recipe


def split(stream: BinaryIO) -> Split | Verbatim:
    """Take a Part 10 file apart, or say why it is kept verbatim.

    Raises:
        NotDicom: see ``read_header``.
    """
    header = read_header(stream)
    recipe = plan(header, stream)
    if isinstance(recipe, Verbatim):
        return recipe
    assert header.pixel is not None
    start = header.pixel.value_offset
    end = start + recipe.body_bytes
    stream.seek(0)
    head = stream.read(start)
    stream.seek(end)
    tail = stream.read()
    return Split(_packed(recipe, head, tail), StreamFrames(stream, start, recipe), recipe)


def join(header: bytes, frames: Iterable[Image], out: Sink) -> None:
    """Write the file that ``split`` took apart.

    Args:
        header: the header blob.
        frames: its frames in order, in images of any length.
        out: where the file goes.

    Raises:
        CorruptStream: the header blob is none, or frames are missing.
    """
    recipe, head, tail = around(header)
    out.write(head)
    written = 0
    for data in recipe.data(_fitting(recipe, frames)):
        written += len(data)
        out.write(data)
    if written != recipe.body_bytes:
        raise CorruptStream(f"the frames give {written} bytes of pixel data, {recipe.body_bytes} were split off")
    out.write(tail)


def recipe_of(header: bytes) -> Recipe:
    """The recipe in a header blob.

    Raises:
        CorruptStream: it is none.
    """
    return around(header)[0]


def head_of(header: bytes) -> tuple[Recipe, bytes]:
    """The recipe in a header blob, and the file up to the first byte of its pixel data's value.

    Raises:
        CorruptStream: it is none.
    """
    return around(header)[:2]


def _fitting(recipe: Recipe, frames: Iterable[Image]) -> Iterable[Image]:
    wide = recipe.layout == "ybr422"
    shape = (recipe.rows, recipe.columns * (2 if wide else 1), 1 if wide else recipe.samples)
    for image in frames:
        if image.pixels.shape[1:] != shape or image.pixels.dtype.itemsize * 8 != max(recipe.allocated, 8):
            raise CorruptStream(f"frames of shape {image.pixels.shape[1:]}, {image.pixels.dtype}, expected {shape}")
        yield image


def _packed(recipe: Recipe, head: bytes, tail: bytes) -> bytes:
    flags = recipe.signed | recipe.big_endian << 1
    layout, fill = _LAYOUTS.index(recipe.layout), _FILLS.index(recipe.fill)
    fixed = _FIXED.pack(
        *(MAGIC, VERSION, recipe.frames, recipe.rows, recipe.columns, recipe.samples),
        *(recipe.allocated, recipe.stored, recipe.high, flags, layout, fill),
        *(len(head), len(tail)),
    )
    rest = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(head + tail)
    return fixed + _CHECKED.pack(zlib.crc32(rest, zlib.crc32(fixed))) + rest


def around(header: bytes) -> tuple[Recipe, bytes, bytes]:
    """The recipe in a header blob, and the file before and behind the frames that were split off.

    Raises:
        CorruptStream: it is none.
    """
    start = _FIXED.size + _CHECKED.size
    if len(header) < start or header[: len(MAGIC)] != MAGIC:
        raise CorruptStream("this is no medarchive header blob")
    _, version, frames, rows, columns, samples, allocated, stored, high, flags, layout, fill, before, behind = (
        _FIXED.unpack_from(header)
    )
    if version != VERSION:
        raise CorruptStream(f"header blob of version {version}; this medarchive reads version {VERSION}")
    rest = header[start:]
    if _CHECKED.unpack_from(header, _FIXED.size)[0] != zlib.crc32(rest, zlib.crc32(header[: _FIXED.size])):
        raise CorruptStream("the header blob was changed since it was written")
    sound = layout < len(_LAYOUTS) and fill < len(_FILLS) and flags < 4 and allocated in (1, 8, 16, 32)
    if not (sound and frames and rows and columns and 1 <= samples <= 4 and 1 <= stored <= high + 1 <= allocated):
        raise CorruptStream("the header blob's recipe makes no sense")
    if before + behind > MOST_AROUND:
        raise LimitExceeded(f"the header blob announces {before + behind} bytes, more than {MOST_AROUND}")
    try:
        if zstandard.frame_content_size(rest) != before + behind:
            raise CorruptStream("the header blob's sizes contradict each other")
        text = zstandard.ZstdDecompressor().decompress(rest, max_output_size=before + behind, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptStream(f"the header blob cannot be decompressed: {error}") from error
    recipe = Recipe(
        *(frames, rows, columns, samples, allocated, stored, high),
        *(bool(flags & 1), bool(flags & 2), _LAYOUTS[layout], _FILLS[fill]),
    )
    return recipe, text[:before], text[before:]
