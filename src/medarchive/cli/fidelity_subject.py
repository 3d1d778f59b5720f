"""What ``fidelity`` compares: pixels from DICOM files, NumPy files and what ``encode`` wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs import api
from medarchive.dicom.frames import all_frames
from medarchive.dicom.subject import Subject, read_subject
from medarchive.errors import CorruptStream, NotDicom, UnsupportedImage
from medarchive.image import Image

__all__ = ["Read", "read", "with_bits_of"]

_NUMPY, _DICOM_AT = b"\x93NUMPY", 128


@dataclass(frozen=True, slots=True)
class Read:
    """A file's pixels.

    Attributes:
        image: all frames.
        subject: what the header says; None where there is none.
        declared: whether the number of significant bits was said, not concluded from the dtype.
    """

    image: Image
    subject: Subject | None
    declared: bool


def read(file: Path) -> Read:
    """Read a file.

    Raises:
        UnsupportedImage: an array of something else than integers of up to 32 bits, or of another rank than 2 to 4.
        CorruptStream: what ``encode`` wrote, changed since.
        NotDicom: neither of the three.
    """
    with file.open("rb") as stream:
        start = stream.read(_DICOM_AT + 4)
        stream.seek(0)
        if start.startswith(_NUMPY):
            try:
                return Read(_image(np.load(stream, allow_pickle=False), None), None, declared=False)
            except (ValueError, EOFError) as error:
                raise UnsupportedImage(f"{file}: {error}") from error
        if start[_DICOM_AT:] == b"DICM":
            frames = list(all_frames(stream))
            pixels = np.concatenate([frame.pixels for frame in frames])
            return Read(Image(pixels, frames[0].bits), read_subject(stream), declared=True)
        data = stream.read()
    try:
        seen = api.inspect(data)
    except CorruptStream as error:
        raise NotDicom(f"{file}: no DICOM file, no NumPy file, and not what encode wrote: {error}") from error
    return Read(_image(api.decode(data), seen.bits), None, declared=True)


def with_bits_of(read_one: Read, other: Read) -> Image:
    """An image with as many significant bits as the other, where its file does not say and its values allow it."""
    image = read_one.image
    if read_one.declared or image.pixels.dtype != other.image.pixels.dtype:
        return image
    same = Image(image.pixels, other.image.bits)
    try:
        same.check_range()
    except UnsupportedImage:
        return image
    return same


def _image(array: NDArray[Any], bits: int | None) -> Image:
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "uib" or array.size == 0:
        raise UnsupportedImage(
            f"{array.dtype} of shape {array.shape}: expected integers of shape (rows, columns), "
            "(frames, rows, columns) or (frames, rows, columns, samples)"
        )
    narrow = array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind != "b" else array.astype(np.uint8)
    if narrow.dtype.itemsize > 4:
        fits = np.iinfo(np.int32)
        if int(narrow.min()) < fits.min or int(narrow.max()) > fits.max:
            raise UnsupportedImage(f"values {narrow.min()} to {narrow.max()} need more than 32 bits")
        narrow = narrow.astype(np.int32)
    if narrow.ndim == 2:
        narrow = narrow[None]
    return Image(narrow if narrow.ndim == 4 else narrow[..., None], bits or 8 * narrow.dtype.itemsize)
