"""Encapsulated frames: the compressed transfer syntaxes of DICOM, decoded through imagecodecs (PS3.5 A.4)."""

from collections.abc import Callable
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame, parse_basic_offsets, parse_fragments
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from medarchive.codecs.limits import MAX_SAMPLES
from medarchive.dicom.codestream import announced_shape, jpeg_transform
from medarchive.dicom.part10 import Header
from medarchive.dicom.recipe import extended
from medarchive.dicom.rle import decode_rle
from medarchive.errors import CannotTranscode, LimitExceeded, NotFound
from medarchive.image import Image

__all__ = ["DECODED", "decode_frame", "decoded_photometric", "frame_bytes", "left_photometric", "photometric"]

Words = NDArray[np.integer[Any]]
_JPEG_XL = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (110, 111, 112))


def photometric(header: Header) -> str:
    """Photometric Interpretation (0028,0004)."""
    return header.text(0x00280004, "CS").strip(" \0")


def _jpeg(data: bytes, header: Header) -> Words:
    # What DICOM calls RGB was never transformed; libjpeg would guess otherwise where the stream does not say.
    rgb = photometric(header) == "RGB" and jpeg_transform(data) is None
    return np.asarray(imagecodecs.jpeg_decode(data, colorspace="RGB" if rgb else None))


def _rle(data: bytes, header: Header) -> Words:
    rows, columns, samples = (header.integer(tag) or 1 for tag in (0x00280010, 0x00280011, 0x00280002))
    return decode_rle(data, rows, columns, samples, max((header.integer(0x00280100) or 8) // 8, 1))


def _jpeg_ls(data: bytes, _: Header) -> Words:
    # With an end of image behind it, CharLS gives a stream that breaks off up at once, not after seconds.
    return np.asarray(imagecodecs.jpegls_decode(data + b"\xff\xd9"))


_DECODERS: dict[str, Callable[[bytes, Header], Words]] = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit), _jpeg),
    **dict.fromkeys((JPEGLossless, JPEGLosslessSV1), lambda data, _: np.asarray(imagecodecs.ljpeg_decode(data))),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), _jpeg_ls),
    **dict.fromkeys(
        (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K),
        lambda data, _: np.asarray(imagecodecs.jpeg2k_decode(data)),
    ),
    **dict.fromkeys(_JPEG_XL, lambda data, _: np.asarray(imagecodecs.jpegxl_decode(data, index=0))),
    RLELossless: _rle,
}
DECODED = frozenset(map(str, _DECODERS))
"""UIDs of the compressed transfer syntaxes whose frames are decoded."""


def decoded_photometric(header: Header) -> str:
    """Photometric Interpretation of decoded frames: what the codec's own colour transform leaves (PS3.5 8.2)."""
    return left_photometric(photometric(header), header.transfer_syntax)


def left_photometric(stored: str, syntax: str) -> str:
    """The same of a Photometric Interpretation and a transfer syntax."""
    undone: tuple[str, ...] = ("YBR_RCT", "YBR_ICT")
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit, *_JPEG_XL):
        undone += ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
    # No decoder gives subsampled chroma: where it stays YBR, it is full.
    return "RGB" if stored in undone else "YBR_FULL" if stored == "YBR_FULL_422" else stored


def decode_frame(stream: BinaryIO, header: Header, index: int) -> Image:
    """One frame of encapsulated pixel data as stored values, shape (1, rows, columns, samples).

    Colour that the codec transforms by itself (JPEG's YCbCr, JPEG 2000's RCT and ICT) comes back as RGB.

    Args:
        stream: the Part 10 file.
        header: its header.
        index: from 0.

    Raises:
        NotFound: no such frame.
        CannotTranscode: no decoder for the transfer syntax, or the frame is broken.
        LimitExceeded: the frame is larger than what is decoded.
    """
    decoder = _DECODERS.get(header.transfer_syntax)
    if decoder is None:
        raise CannotTranscode(f"no decoder for transfer syntax {header.transfer_syntax}")
    rows, columns, samples = (header.integer(tag) or 1 for tag in (0x00280010, 0x00280011, 0x00280002))
    if rows * columns * samples > MAX_SAMPLES:
        raise LimitExceeded(f"a frame of {rows} x {columns} x {samples} is beyond what is decoded")
    count = max(header.integer(0x00280008) or 1, 1)
    if not 0 <= index < count:
        raise NotFound(f"no frame {index}: the object has {count}")
    data = frame_bytes(stream, header, index, count)
    try:
        if header.transfer_syntax != RLELossless:
            _agree(announced_shape(data), (rows, columns, samples))
        words = decoder(data, header)
        return _stored(words.reshape(rows, columns, samples), header)
    except CannotTranscode as error:
        raise CannotTranscode(f"frame {index} cannot be decoded: {error}") from error
    except Exception as error:  # a broken frame breaks its decoder in any way
        raise CannotTranscode(f"frame {index} cannot be decoded: {type(error).__name__}: {error}") from error


def _agree(announced: tuple[int, int, int | None], expected: tuple[int, int, int]) -> None:
    if announced[:2] != expected[:2] or announced[2] not in (None, expected[2]):
        raise CannotTranscode(f"it announces {announced} rows, columns and samples, the header {expected}")


def frame_bytes(stream: BinaryIO, header: Header, index: int, count: int) -> bytes:
    """The compressed bytes of a frame, of all its fragments.

    Raises:
        CannotTranscode: it cannot be found among them.
    """
    assert header.pixel is not None
    stream.seek(header.pixel.value_offset)
    try:
        if count == 1:  # all fragments are the one frame, whatever an offset table says (PS3.5 A.4)
            parse_basic_offsets(stream)
            return b"".join(_fragments(stream))
        return get_frame(stream, index, number_of_frames=count)
    except Exception as error:
        raise CannotTranscode(f"frame {index} cannot be found among the fragments: {error}") from error


def _fragments(stream: BinaryIO) -> list[bytes]:
    start = stream.tell()
    _, offsets = parse_fragments(stream)
    fragments = []
    for offset in offsets:
        stream.seek(offset + 4)
        length = int.from_bytes(stream.read(4), "little")
        fragments.append(stream.read(length))
    stream.seek(start)
    return fragments


def _stored(words: Words, header: Header) -> Image:
    """Decoded words as the header means them: so many bits, signed or not."""
    allocated = header.integer(0x00280100) or 8 * words.dtype.itemsize
    stored = min(header.integer(0x00280101) or allocated, allocated)
    if words.dtype.kind not in "ui":
        raise CannotTranscode(f"it decodes to {words.dtype}")
    unsigned = words.astype(f"u{1 if allocated <= 8 else 2 if allocated <= 16 else 4}")[np.newaxis]
    if header.integer(0x00280103) == 1:
        return Image(extended(unsigned, stored), stored)
    return Image(unsigned & unsigned.dtype.type((1 << stored) - 1), stored)
