"""Outside: files that are in no archive, DICOM, PNG or JPEG, as pictures to be read."""

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.archive.courtesy import at_once
from medarchive.archive.pictures import MOST_PIXELS, Picture, header_of, picture, spread
from medarchive.dicom.codestream import announced_shape
from medarchive.dicom.frames import file_frame
from medarchive.errors import CannotTranscode, LimitExceeded, NotDicom
from medarchive.view import View

__all__ = ["file_pictures"]

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def file_pictures(path: Path, most: int) -> list[Picture]:
    """The picture of a PNG or JPEG file, or at most so many frames of a DICOM file, evenly spaced.

    Raises:
        NotDicom: it is none of these.
        CannotTranscode, LimitExceeded: it is damaged, or larger than what is read.
        DicomError: its data set cannot be read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(132)
        if start[128:] == b"DICM":
            dataset = header_of(file)
            count = max(_integer(dataset.get("NumberOfFrames")), 1)
            area = max(_integer(dataset.get("Rows")) * _integer(dataset.get("Columns")), 1)
            chosen = spread(count, min(most, max(MOST_PIXELS // area, 1)))
            return [picture(dataset, i, lambda i=i: file_frame(file, i), at_once) for i in chosen]  # type: ignore[misc]
        if not start.startswith((_PNG, _JPEG)):
            raise NotDicom("neither a DICOM file (PS3.10) nor a PNG or JPEG picture")
        data = start + file.read()
    try:
        return [Picture(View.of_picture(_eight_bits(_decoded(data))))]
    except LimitExceeded:
        raise
    except Exception as error:  # what the decoders raise on damaged files has no common root
        raise CannotTranscode(f"the picture cannot be decoded: {type(error).__name__}: {error}") from error


def _decoded(data: bytes) -> NDArray[Any]:
    """A picture's samples, of a size that was looked at before memory was taken."""
    png = data.startswith(_PNG)
    rows, columns = struct.unpack_from(">II", data, 16)[::-1] if png else announced_shape(data)[:2]
    if rows * columns > MOST_PIXELS:
        raise LimitExceeded(f"a picture of {rows} x {columns} is larger than what is read")
    decoded: NDArray[Any] = imagecodecs.png_decode(data) if png else imagecodecs.jpeg8_decode(data)
    return decoded


def _eight_bits(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Samples of 16 bits as their eight high ones, of one bit as black and white."""
    if samples.dtype == np.bool_:
        return np.where(samples, np.uint8(255), np.uint8(0))
    return (samples >> 8 if samples.dtype.itemsize == 2 else samples).astype(np.uint8)


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
