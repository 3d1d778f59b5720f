"""Peers: what others compress images with, through imagecodecs, on one thread a call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import zstandard
from numpy.typing import NDArray

from medarchive.codecs.fidelity import FidelityReport
from medarchive.image import Image

__all__ = ["NEAR", "PEERS", "SLOWEST", "Peer", "peer", "trouble"]

PEERS = ("jpegls", "jpeg2k", "htj2k", "jpegxl-e3", "jpegxl-e7", "jpegxl-e9", "zstd-19")
NEAR = ("jpegls",)
"""Those with a bound on the error of a value."""
SLOWEST = ("jpegxl-e9", "zstd-19")

Values = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A codec of others: frame by frame, each a file of its own format.

    It gets the values in 8, 16 or 32 bits, as few as hold them, signed ones moved up by half their range.
    """

    name: str
    most_bits: int
    samples: tuple[int, ...]
    encoder: Callable[[Values, int], bytes]
    decoder: Callable[[bytes], Any]
    max_error: int = 0
    group: int = 1
    ours: bool = False

    def takes(self, image: Image) -> bool:
        """See Contender.takes."""
        return image.bits <= self.most_bits and image.pixels.shape[3] in self.samples

    def encode(self, image: Image) -> bytes:
        """See Contender.encode."""
        values = image.pixels[0].astype(np.int64) + _half(image) if image.signed else image.pixels[0]
        values = np.ascontiguousarray(values, _unsigned(image.bits))
        return bytes(self.encoder(values[..., 0] if values.shape[2] == 1 else values, image.bits))

    def decode(self, data: bytes, like: Image) -> Image:
        """See Contender.decode."""
        values = np.asarray(self.decoder(data)).view(_unsigned(like.bits)).reshape(like.pixels.shape)
        values = values.astype(np.int64) - _half(like) if like.signed else values
        return Image(values.astype(like.pixels.dtype, copy=False), like.bits)

    def size(self, image: Image, streams: Sequence[bytes], report: FidelityReport) -> int:  # noqa: ARG002  # the protocol's
        """See Contender.size."""
        return sum(map(len, streams))


def trouble(name: str) -> str:
    """Why a peer cannot be used with this build of imagecodecs, empty where it can."""
    attribute = name.partition("-e")[0].upper()
    codec = getattr(imagecodecs, attribute, None)
    there = name == "zstd-19" or (codec is not None and codec.available)
    return "" if there else f"imagecodecs {imagecodecs.__version__} comes without {attribute}"


def peer(name: str, max_error: int = 0) -> Peer:
    """The peer of a name of ``PEERS``; with a bound, of ``NEAR``."""
    if name == "jpegls":
        return Peer(name, 16, (1, 3, 4), lambda v, _: _jpegls(v, max_error), imagecodecs.jpegls_decode, max_error)
    if name == "jpeg2k":
        return Peer(name, 24, (1, 3, 4), _jpeg2k, lambda data: imagecodecs.jpeg2k_decode(data, numthreads=1))
    if name == "htj2k":
        return Peer(name, 26, (1, 3, 4), _htj2k, imagecodecs.htj2k_decode)
    if name == "zstd-19":
        return Peer(name, 32, (1, 2, 3, 4), _zstd, _unzstd)
    effort = int(name.removeprefix("jpegxl-e"))
    return Peer(name, 16, (1, 3), lambda v, bits: _jpegxl(v, bits, effort), _unjpegxl)


def _half(image: Image) -> int:
    return 1 << image.bits - 1


def _unsigned(bits: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype("u1" if bits <= 8 else "u2" if bits <= 16 else "u4")


def _jpegls(values: Values, max_error: int) -> bytes:
    room = 2 * values.nbytes + 4096  # noise takes more than it has, and imagecodecs gives no more room than that
    return bytes(imagecodecs.jpegls_encode(values, level=max_error, out=room))


def _jpeg2k(values: Values, bits: int) -> bytes:
    encoded = imagecodecs.jpeg2k_encode(
        values, level=0, reversible=True, codecformat="j2k", bitspersample=bits, numthreads=1
    )
    return bytes(encoded)


def _htj2k(values: Values, _bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(values, reversible=True))


def _jpegxl(values: Values, bits: int, effort: int) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(values, lossless=True, effort=effort, bitspersample=bits, numthreads=1))


def _unjpegxl(data: bytes) -> Any:
    return imagecodecs.jpegxl_decode(data, index=0, numthreads=1)


def _zstd(values: Values, _bits: int) -> bytes:
    return zstandard.ZstdCompressor(level=19).compress(values.tobytes())


def _unzstd(data: bytes) -> Any:
    return np.frombuffer(zstandard.ZstdDecompressor().decompress(data), np.uint8)
