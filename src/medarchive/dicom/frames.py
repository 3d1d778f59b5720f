"""One frame of an object, for whoever wants to look at pixels."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from medarchive.dicom.encapsulated import decode_frame
from medarchive.dicom.instance_blob import recipe_of
from medarchive.dicom.part10 import Header, as_inflated, read_header
from medarchive.dicom.pixels import StreamFrames, plan
from medarchive.dicom.recipe import Reason, Recipe, Verbatim
from medarchive.errors import CannotTranscode, NotFound
from medarchive.image import Image

__all__ = ["all_frames", "file_frame", "split_frame"]

_MOST_INFLATED = 1 << 30


def file_frame(stream: BinaryIO, index: int) -> Image:
    """A frame of a Part 10 file as stored values, shape (1, rows, columns, samples).

    Raises:
        NotFound: no such frame, or no pixel data.
        CannotTranscode: it cannot be decoded.
        LimitExceeded: a frame, or a deflated data set, is larger than what is decoded.
    """
    stream, header, recipe = _looked_into(stream)
    if isinstance(recipe, Recipe):
        assert header.pixel is not None
        _inside(index, recipe.frames)
        return recipe.values(StreamFrames(stream, header.pixel.value_offset, recipe)[index : index + 1])
    if recipe.reason is Reason.ENCAPSULATED:
        return decode_frame(stream, header, index)
    if recipe.reason is Reason.NONE:
        raise NotFound("the object has no pixel data")
    raise CannotTranscode(f"no frame can be decoded: {recipe}")


def split_frame(header_blob: bytes, frames: Callable[[int], Image], index: int) -> Image:
    """A frame of an object that was split: ``frames`` gives what its container holds.

    Raises:
        NotFound: no such frame.
    """
    recipe = recipe_of(header_blob)
    _inside(index, recipe.frames)
    return recipe.values(frames(index))


def _looked_into(stream: BinaryIO) -> tuple[BinaryIO, Header, Recipe | Verbatim]:
    """A file, its header, and where its pixel data is; inflated where it was deflated."""
    header = read_header(stream)
    recipe = plan(header, stream)
    if isinstance(recipe, Verbatim) and recipe.reason is Reason.DEFLATED:
        stream = as_inflated(stream, header, _MOST_INFLATED)
        header = read_header(stream)
        recipe = plan(header, stream)
    return stream, header, recipe


def _inside(index: int, count: int) -> None:
    if not 0 <= index < count:
        raise NotFound(f"no frame {index}: the object has {count}")


def all_frames(stream: BinaryIO) -> Iterator[Image]:
    """Every frame of a Part 10 file in order, each as ``file_frame`` gives it.

    Raises:
        NotFound: no pixel data.
        CannotTranscode: a frame cannot be decoded.
    """
    stream, header, recipe = _looked_into(stream)
    if not isinstance(recipe, Recipe):
        count = max(header.integer(0x00280008) or 1, 1) if recipe.reason is Reason.ENCAPSULATED else 1
        for index in range(count):
            yield file_frame(stream, index)
        return
    assert header.pixel is not None
    frames = StreamFrames(stream, header.pixel.value_offset, recipe)
    for index in range(len(frames)):
        yield recipe.values(frames[index : index + 1])
