"""zstd-planes: Zstandard (RFC 8878) over byte planes. Takes every image; the codec that cannot refuse.

The low bytes of neighbouring pixels resemble each other, and so do the high bytes: separated, both compress better than
mixed. Optionally each pixel is replaced by its difference from its left neighbour; the smaller result is kept. One-bit
images are packed, eight pixels a byte.
"""

import numpy as np
import zstandard

from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.limits import checked_shape
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader
from medarchive.errors import CorruptStream, LimitExceeded, UnsupportedImage
from medarchive.image import Image, Pixels

__all__ = ["ZstdPlanes"]

_LEVELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 9, 7: 12, 8: 15, 9: 19}
_PLAIN, _LEFT, _PACKED = 0, 1, 2
_MOST_BYTES = 1 << 31


class ZstdPlanes:
    """The codec "zstd-planes". Its stream: filter (one byte), spec, one Zstandard frame with a checksum."""

    name = "zstd-planes"
    group = 1
    quick = True

    def accepts(self, image: Image) -> bool:
        """Every image."""
        return image.pixels.size > 0

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        """See Codec.encode."""
        if max_error:
            raise UnsupportedImage("zstd-planes is lossless; the container quantises in front of it")
        compressor = zstandard.ZstdCompressor(level=_LEVELS[effort], write_checksum=True)
        if image.bits == 1 and not image.signed:
            bodies = {_PACKED: np.packbits(image.pixels.astype(np.uint8)).tobytes()}
        else:
            bodies = {_PLAIN: _planes(image.pixels), _LEFT: _planes(_differences(image.pixels))}
        how, body = min(
            ((how, compressor.compress(planes)) for how, planes in bodies.items()), key=lambda pair: len(pair[1])
        )
        return bytes([how]) + ImageSpec.of(image, len(image)).packed() + body

    def decode(self, data: bytes) -> Image:
        """See Codec.decode."""
        reader = Reader(data)
        how = reader.varint(_PACKED)
        spec = ImageSpec.read(reader)
        shape = checked_shape(spec.frames, spec.rows, spec.columns, spec.samples)
        count = spec.frames * spec.rows * spec.columns * spec.samples
        if how == _PACKED and (spec.bits != 1 or spec.signed):
            raise CorruptStream("packed bits in an image of more than one bit")
        size = (count + 7) // 8 if how == _PACKED else count * spec.dtype.itemsize
        if size > _MOST_BYTES:
            raise LimitExceeded(f"a stream of {size} bytes is beyond what is decoded at once")
        body = reader.rest()
        try:
            if zstandard.frame_content_size(body) != size:
                raise CorruptStream("the stream's size contradicts its shape")
            planes = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
        except zstandard.ZstdError as error:
            raise CorruptStream(f"Zstandard: {error}") from error
        if how == _PACKED:
            bits = np.unpackbits(np.frombuffer(planes, np.uint8), count=count)
            return Image(bits.reshape(shape).astype(spec.dtype), 1)
        pixels = _pixels(planes, spec)
        return Image(_sums(pixels) if how == _LEFT else pixels, spec.bits)


def _planes(pixels: Pixels) -> bytes:
    """Lowest bytes first, sample by sample."""
    by_sample = np.ascontiguousarray(np.moveaxis(pixels, 3, 0))
    width = by_sample.dtype.itemsize
    little = by_sample.astype(by_sample.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little.view(np.uint8).reshape(-1, width).T).tobytes()


def _pixels(planes: bytes, spec: ImageSpec) -> Pixels:
    width = spec.dtype.itemsize
    words = np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(width, -1).T)
    by_sample = words.view(spec.dtype.newbyteorder("<")).reshape(spec.samples, spec.frames, spec.rows, spec.columns)
    return np.ascontiguousarray(np.moveaxis(by_sample, 0, 3)).astype(spec.dtype, copy=False)


def _differences(pixels: Pixels) -> Pixels:
    """Each pixel less its left neighbour, modulo 2^n."""
    words = pixels.view(f"u{pixels.dtype.itemsize}")
    differences = words.copy()
    differences[:, :, 1:] -= words[:, :, :-1]
    return differences


def _sums(differences: Pixels) -> Pixels:
    words = differences.view(f"u{differences.dtype.itemsize}")
    return np.cumsum(words, axis=2, dtype=words.dtype).view(differences.dtype)
