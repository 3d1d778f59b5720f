"""Encapsulate: frames into the lossless compressed transfer syntaxes, each proven by decoding (PS3.5 8.2, A.4)."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless, RLELossless

from medarchive.dicom.encapsulated import decode_frame
from medarchive.dicom.part10 import read_header
from medarchive.dicom.pixels import StreamFrames, plan
from medarchive.dicom.recipe import Recipe
from medarchive.errors import CannotTranscode
from medarchive.image import Image

__all__ = ["COMPRESSED", "check_frames", "compress_frames"]

JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
_QUICK = 3
"""libjxl's effort: a peer waits for the answer."""
_LONGEST_OFFSET = 1 << 32
Words = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame to be coded.

    Attributes:
        values: (rows, columns, samples), as they are meant: signed or not.
        bits: stored.
        photometric: Photometric Interpretation (0028,0004).
    """

    values: Words
    bits: int
    photometric: str

    @property
    def signed(self) -> bool:
        return self.values.dtype.kind == "i"

    @property
    def plane(self) -> Words:
        """Without the axis of a single sample."""
        return np.ascontiguousarray(self.values[..., 0] if self.values.shape[2] == 1 else self.values)

    @property
    def words(self) -> Words:
        """Unsigned words of the stored bits alone: for codecs that know no signs."""
        width = self.values.dtype.itemsize
        return np.asarray(self.values.view(f"u{width}") & np.dtype(f"u{width}").type((1 << self.bits) - 1))

    @property
    def colour(self) -> bool:
        """Whether the codec may turn its colours by a reversible transform."""
        return self.photometric == "RGB"


def _jpeg_ls(frame: _Frame) -> bytes:
    rows, columns, samples = frame.values.shape
    described = {"rows": rows, "columns": columns, "samples_per_pixel": samples, "bits_stored": frame.bits}
    words = np.ascontiguousarray(frame.words)
    little = words.astype(words.dtype.newbyteorder("<"), copy=False)
    try:
        return bytes(jpeg_ls.encode_pixel_data(little.tobytes(), 0, planar_configuration=0, **described))
    except RuntimeError:  # it leaves no room for what does not shrink
        if frame.bits != 8 * words.dtype.itemsize:
            raise
        plane = words[..., 0] if samples == 1 else words
        return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(plane), out=2 * words.nbytes + 1024))


def _jpeg_2000(frame: _Frame) -> bytes:
    resolutions = max(min(6, min(frame.values.shape[:2]).bit_length()), 1)
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame.plane,
            level=0,
            codecformat="j2k",
            reversible=True,
            mct=frame.colour,
            bitspersample=frame.bits,
            resolutions=resolutions,
        )
    )


def _htj2k(frame: _Frame) -> bytes:
    if frame.values.shape[2] > 1 and not frame.colour:
        raise CannotTranscode(f"HTJ2K is written of RGB alone, not of {frame.photometric}")
    return bytes(imagecodecs.htj2k_encode(frame.plane, reversible=True))


def _jpeg_xl(frame: _Frame) -> bytes:
    if frame.signed or frame.photometric not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
        kind = "signed values" if frame.signed else frame.photometric
        raise CannotTranscode(f"JPEG XL holds unsigned grey and RGB (PS3.5 table 8.2.15-1), not {kind}")
    return bytes(
        imagecodecs.jpegxl_encode(frame.plane, lossless=True, effort=_QUICK, bitspersample=frame.bits, numthreads=1)
    )


def _rle(frame: _Frame) -> bytes:
    """PS3.5 Annex G: each byte plane by itself, the highest first, no run beyond a row."""
    words = np.ascontiguousarray(frame.words)
    width = words.dtype.itemsize
    planes = words.astype(words.dtype.newbyteorder(">"), copy=False).view(np.uint8)
    planes = planes.reshape(*words.shape, width)
    segments = []
    for sample in range(words.shape[2]):
        for byte in range(width):
            plane = np.ascontiguousarray(planes[:, :, sample, byte])
            coded = b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in plane)
            segments.append(coded + b"\0" * (len(coded) % 2))
    offsets = np.zeros(16, "<u4")
    offsets[0] = len(segments)
    offsets[1 : len(segments) + 1] = 64 + np.cumsum([0, *(len(segment) for segment in segments[:-1])])
    return offsets.tobytes() + b"".join(segments)


_ENCODERS: Mapping[str, Callable[[_Frame], bytes]] = {
    str(JPEGLSLossless): _jpeg_ls,
    str(HTJ2KLossless): _htj2k,
    str(JPEG2000Lossless): _jpeg_2000,
    JPEG_XL_LOSSLESS: _jpeg_xl,
    str(RLELossless): _rle,
}
COMPRESSED = tuple(_ENCODERS)
"""UIDs of the compressed transfer syntaxes that are written, in the order in which they are offered."""
_TRANSFORMED = {str(HTJ2KLossless): "YBR_RCT", str(JPEG2000Lossless): "YBR_RCT"}
"""What RGB is called once the codec's own transform has turned it (PS3.3 C.7.6.3.1.2)."""


def compress_frames(little: BinaryIO, dataset: Dataset, transfer_syntax: str) -> list[Image]:
    """Put compressed in the place of native pixel data; the frames that went in.

    Args:
        little: a Part 10 file in Explicit VR Little Endian.
        dataset: what pydicom read of it; changed in place.
        transfer_syntax: one of ``COMPRESSED``.

    Raises:
        CannotTranscode: there is no native pixel data of 8 or 16 bits, bits beside the stored ones mean something, or
            the transfer syntax does not hold such an image.
    """
    header = read_header(little)
    recipe = plan(header, little)
    if not isinstance(recipe, Recipe):
        raise CannotTranscode(f"no pixel data that could be compressed: {recipe}")
    if recipe.allocated not in (8, 16) or recipe.samples not in (1, 3):
        raise CannotTranscode(
            f"{recipe.allocated} bits allocated and {recipe.samples} samples: no compressed transfer syntax for these"
        )
    if recipe.fill == "word" and recipe.stored < recipe.allocated:
        raise CannotTranscode("the bits beside the stored ones hold something, which compression would lose")
    if recipe.frames != max(header.integer(0x00280008) or 1, 1):
        raise CannotTranscode(f"{recipe.frames} whole frames are there, {header.integer(0x00280008)} announced")
    assert header.pixel is not None
    frames = StreamFrames(little, header.pixel.value_offset, recipe)
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    if recipe.layout == "ybr422":
        photometric = "YBR_FULL"
    images = [recipe.values(frames[index : index + 1]) for index in range(len(frames))]
    coded = [_ENCODERS[transfer_syntax](_Frame(image.pixels[0], recipe.stored, photometric)) for image in images]
    _put(dataset, coded)
    if recipe.samples > 1:
        dataset.PlanarConfiguration = 0
        turned = photometric == "RGB" and transfer_syntax in _TRANSFORMED
        dataset.PhotometricInterpretation = _TRANSFORMED[transfer_syntax] if turned else photometric
    return images


def _put(dataset: Dataset, coded: Sequence[bytes]) -> None:
    """Encapsulate frames: with a Basic Offset Table where it can count that far, with an Extended one elsewhere."""
    if sum(len(frame) + 10 for frame in coded) < _LONGEST_OFFSET:
        dataset.PixelData = encapsulate(list(coded))
    else:
        data, offsets, lengths = encapsulate_extended(list(coded))
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = data, offsets, lengths
    element = dataset["PixelData"]
    element.VR = "OB"
    element.is_undefined_length = True


def check_frames(written: BinaryIO, images: Sequence[Image]) -> None:
    """Decode every frame of what was written.

    Raises:
        CannotTranscode: one is not what went in.
    """
    header = read_header(written)
    for index, image in enumerate(images):
        if not np.array_equal(decode_frame(written, header, index).pixels, image.pixels):
            raise CannotTranscode(f"frame {index} does not come back as it went into {header.transfer_syntax}")
    written.seek(0, io.SEEK_SET)
