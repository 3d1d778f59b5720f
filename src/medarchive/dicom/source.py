"""Source: an object that something will be derived from, its data set and its pixels as stored values."""

import warnings
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from medarchive.dicom.encapsulated import DECODED, decode_frame
from medarchive.dicom.loss import may_not_lose
from medarchive.dicom.part10 import DEFLATED, Header, as_inflated, read_header
from medarchive.dicom.pixels import StreamFrames, plan
from medarchive.dicom.recipe import Reason, Recipe, Verbatim
from medarchive.dicom.subject import Subject, read_subject
from medarchive.dicom.transcode import make_little
from medarchive.errors import DicomError, LimitExceeded, MayNotLose
from medarchive.image import Image

__all__ = ["Source", "open_source"]

_MOST_BYTES = 1 << 30
"""Pixels that are held in memory."""
_PIXEL_TAGS = (0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00010)


@dataclass(frozen=True, slots=True)
class Source:
    """An object of which something may be lost.

    Attributes:
        dataset: without its pixel data; may be changed.
        image: all its frames, stored values of one sample.
        recipe: how they lie in uncompressed pixel data, little endian.
        subject: what is in the picture, and what its values mean.
    """

    dataset: Dataset
    image: Image
    recipe: Recipe
    subject: Subject


def open_source(part10: BinaryIO) -> Source:
    """Read an object that something is to be derived from.

    Args:
        part10: its file.

    Raises:
        MayNotLose: nothing may be lost of it, or it is not one that can be written anew.
    """
    try:
        header = read_header(part10)
        syntax = header.transfer_syntax
        if header.trouble == DEFLATED:
            part10 = as_inflated(part10, header, _MOST_BYTES)
            header = read_header(part10)
        part10.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(part10)
            make_little(dataset, header)
        reason = may_not_lose(dataset, syntax)
        if reason:
            raise MayNotLose(reason)
        recipe, image = _pixels(part10, header)
        for tag in _PIXEL_TAGS:
            if tag in dataset:
                del dataset[tag]
        return Source(dataset, image, recipe, read_subject(part10))
    except MayNotLose:
        raise
    except (DicomError, LimitExceeded) as error:
        raise MayNotLose(f"its pixels cannot be read: {error}") from error
    except Exception as error:  # what pydicom raises on broken objects has no common root
        raise MayNotLose(f"its data set cannot be read: {type(error).__name__}: {error}") from error


def _pixels(part10: BinaryIO, header: Header) -> tuple[Recipe, Image]:
    """All frames, and the recipe of what they are uncompressed.

    Raises:
        MayNotLose: there is more, or less, in the pixel data than frames of stored values.
    """
    found = plan(header, part10)
    count = max(header.integer(0x00280008) or 1, 1)
    if isinstance(found, Verbatim):
        if found.reason is not Reason.ENCAPSULATED or header.transfer_syntax not in DECODED:
            raise MayNotLose(f"its pixels cannot be decoded: {found}")
        return _decoded(part10, header, count)
    assert header.pixel is not None
    assert header.pixel.value_length is not None
    if found.fill == "word":
        raise MayNotLose("the bits above its stored ones hold something, an overlay perhaps")
    if found.frames != count or not 0 <= header.pixel.value_length - found.body_bytes <= 1:
        raise MayNotLose("its pixel data is longer or shorter than its frames")
    if found.body_bytes > _MOST_BYTES:
        raise MayNotLose(f"its pixels have {found.body_bytes} bytes, more than {_MOST_BYTES}")
    return replace(found, big_endian=False), StreamFrames(part10, header.pixel.value_offset, found)[:count]


def _decoded(part10: BinaryIO, header: Header, count: int) -> tuple[Recipe, Image]:
    first = decode_frame(part10, header, 0)
    if count * first.pixels.nbytes > _MOST_BYTES:
        raise MayNotLose(f"its pixels have {count * first.pixels.nbytes} bytes, more than {_MOST_BYTES}")
    frames = [first] + [decode_frame(part10, header, index) for index in range(1, count)]
    image = Image(np.concatenate([frame.pixels for frame in frames]), first.bits)
    _, rows, columns, samples = image.pixels.shape
    allocated = 8 * image.pixels.dtype.itemsize
    recipe = Recipe(
        *(count, rows, columns, samples, allocated, image.bits, image.bits - 1),
        *(image.signed, False, "interleaved", "sign" if image.signed else "zero"),
    )
    return recipe, image
