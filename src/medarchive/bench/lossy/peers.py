"""Peers of the lossy benchmark, made as strong as their libraries make them, on one thread a call."""

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.bench.lossy.contenders import Lossy
from medarchive.image import Image

__all__ = ["LOSSY_PEERS", "Jpeg2000", "JpegXl", "bare_codestream", "lossy_peer"]

LOSSY_PEERS = ("jpeg2000", "jpegxl-e7")
_MOST_BITS = 16
_SHIFT = 4
_SHARE = 1 / 16
"""Of the scale of JPEG XL's values, that an image gets."""
_COM, _SOT = 0xFF64, 0xFF90


def lossy_peer(name: str) -> Lossy:
    """The peer of a name of ``LOSSY_PEERS``."""
    return Jpeg2000() if name == "jpeg2000" else JpegXl()


@dataclass(frozen=True, slots=True)
class Jpeg2000:
    """JPEG 2000 with the irreversible 9/7 wavelet (OpenJPEG), truncated by rate and distortion to a PSNR.

    Five decompositions, code blocks of 64 x 64, one tile, one layer, a bare codestream without its comment. It gets the
    values from their least one up, in as many bits as their range takes: up to 0.3 dB better than as they are stored.
    OpenJPEG's steps of quantisation are about one value, which makes an end to quality; so values are moved up by some
    bits, where there is room, which changes nothing at fewer than 2 bits a pixel.
    """

    name: str = "jpeg2000"
    ours: bool = False
    span: tuple[float, float] = (10.0, 120.0)
    steps: tuple[float, ...] = ()

    def takes(self, image: Image) -> bool:
        """See Lossy.takes."""
        return _greyscale(image)

    def encode(self, image: Image, setting: float) -> bytes:
        """See Lossy.encode; the setting is the PSNR in dB with 2^bits - 1 as the peak."""
        low, high = _range(image)
        bits, shift = _bits_and_shift(low, high)
        values = (image.pixels[0, :, :, 0].astype(np.int64) - low << shift).astype(np.uint16)
        level: Any = setting  # imagecodecs declares it a whole number, and takes any
        encoded = imagecodecs.jpeg2k_encode(
            values,
            level=level,
            reversible=False,
            codecformat="j2k",
            bitspersample=bits + shift,
            resolutions=6,
            numthreads=1,
        )
        return bare_codestream(bytes(encoded))

    def decode(self, data: bytes, like: Image) -> Image:
        """See Lossy.decode."""
        low, high = _range(like)
        _, shift = _bits_and_shift(low, high)
        values = np.asarray(imagecodecs.jpeg2k_decode(data, numthreads=1)).astype(np.int64)
        return _image(np.minimum((values + (1 << shift >> 1) >> shift) + low, high), like)


@dataclass(frozen=True, slots=True)
class JpegXl:
    """JPEG XL, lossy, effort 7 (libjxl), a bare codestream.

    It takes values for light on a display and works in XYB, a perceptual space. The image's own range is stretched to
    the lowest sixteenth of the scale, where 12-bit values in 16 bits lie as well and XYB is nearly linear. Stretched
    to the whole scale, PSNR is up to 1.5 dB lower at the same bits below 1 bit a pixel and MS-SSIM much the same; as
    linear light it is lower still; in a sixty-fourth, some images run out of distances at 2 bits a pixel.
    """

    name: str = "jpegxl-e7"
    ours: bool = False
    span: tuple[float, float] = (-float(np.log(25.0)), -float(np.log(0.003)))
    steps: tuple[float, ...] = ()

    def takes(self, image: Image) -> bool:
        """See Lossy.takes."""
        return _greyscale(image)

    def encode(self, image: Image, setting: float) -> bytes:
        """See Lossy.encode; the setting is the logarithm of the distance, negated."""
        low, high = _range(image)
        values = (image.pixels[0, :, :, 0].astype(np.float64) - low) * (_SHARE / max(high - low, 1))
        distance = min(float(np.exp(-setting)), 25.0)
        encoded = imagecodecs.jpegxl_encode(
            values.astype(np.float32), distance=distance, effort=7, usecontainer=False, numthreads=1
        )
        return bytes(encoded)

    def decode(self, data: bytes, like: Image) -> Image:
        """See Lossy.decode."""
        low, high = _range(like)
        values = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1)).astype(np.float64)
        values = np.rint(low + values * (max(high - low, 1) / _SHARE))
        return _image(np.clip(values, low, high).astype(np.int64), like)


def bare_codestream(data: bytes) -> bytes:
    """A JPEG 2000 codestream without its comments (ISO/IEC 15444-1, A.9.2): they decode nothing."""
    kept, at = [data[:2]], 2
    while (marker := struct.unpack_from(">H", data, at)[0]) != _SOT:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker != _COM:
            kept.append(data[at : at + 2 + length])
        at += 2 + length
    return b"".join([*kept, data[at:]])


def _greyscale(image: Image) -> bool:
    return image.pixels.shape[3] == 1 and image.bits <= _MOST_BITS


def _range(image: Image) -> tuple[int, int]:
    return int(image.pixels.min()), int(image.pixels.max())


def _bits_and_shift(low: int, high: int) -> tuple[int, int]:
    """The bits that a range takes, and by how many its values are moved up: at least 9 in all, with 16 at most."""
    bits = max((high - low).bit_length(), 1)
    return bits, min(max(_SHIFT, 9 - bits), _MOST_BITS - bits)


def _image(values: NDArray[np.int64], like: Image) -> Image:
    return Image(values.astype(like.pixels.dtype).reshape(like.pixels.shape), like.bits)
