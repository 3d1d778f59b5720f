"""jpegxl: JPEG XL in its lossless mode (ISO/IEC 18181-1), by libjxl through imagecodecs.

The stream is two bytes (bits, with 0x80 where values are signed; bytes of a pixel) and a plain JPEG XL file, which any
other software reads once they are cut off. Signed values are raised by half their range.
"""

import imagecodecs
import numpy as np

from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.jpegxl_header import jpegxl_size
from medarchive.codecs.limits import MAX_SAMPLES, checked_shape
from medarchive.errors import CorruptStream, UnsupportedImage
from medarchive.image import Image

__all__ = ["JpegXl", "jpegxl_size"]

_SIGNED = 0x80
_COLOURS = 3
"""The most channels that a file may decode to once its header has passed."""


class JpegXl:
    """The codec "jpegxl": 1 to 16 bits, 1 or 3 samples, frame by frame."""

    name = "jpegxl"
    group = 1
    quick = True

    def accepts(self, image: Image) -> bool:
        """Images of 1 to 16 bits with one sample or three, as large as what is decoded again."""
        _, rows, columns, samples = image.pixels.shape
        return image.bits <= 16 and samples in (1, 3) and rows * columns * _COLOURS <= MAX_SAMPLES

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        """See Codec.encode; ``effort`` is libjxl's."""
        if max_error:
            raise UnsupportedImage("jpegxl is used in its lossless mode; the container quantises in front of it")
        if len(image) != 1 or not self.accepts(image):
            shape, bits = image.pixels.shape, image.bits
            raise UnsupportedImage(f"jpegxl takes one frame of 1 or 3 samples, up to 16 bits; not {shape}, {bits} bits")
        half = 1 << image.bits - 1 if image.signed else 0
        values = image.pixels[0].astype(np.int32) + half if half else image.pixels[0]
        values = np.ascontiguousarray(values.astype(np.uint8 if image.bits <= 8 else np.uint16, copy=False))
        plane = values[..., 0] if values.shape[2] == 1 else values
        encoded = imagecodecs.jpegxl_encode(plane, lossless=True, effort=effort, bitspersample=image.bits, numthreads=1)
        prefix = image.bits | (_SIGNED if image.signed else 0)
        return bytes([prefix, image.pixels.dtype.itemsize]) + encoded

    def decode(self, data: bytes) -> Image:
        """See Codec.decode."""
        if len(data) < 3:
            raise CorruptStream("a JPEG XL stream of fewer than three bytes")
        bits, signed, width = data[0] & 0x7F, bool(data[0] & _SIGNED), data[1]
        if not 1 <= bits <= 16 or width not in (1, 2, 4) or bits > 8 * width:
            raise CorruptStream(f"a JPEG XL stream of {bits} bits in {width} bytes makes no sense")
        rows, columns = jpegxl_size(data[2:])
        checked_shape(1, rows, columns, _COLOURS)
        try:
            values = np.asarray(imagecodecs.jpegxl_decode(data[2:], index=0, numthreads=1))
        except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
            raise CorruptStream(f"JPEG XL: {error}") from error
        values = values[..., np.newaxis] if values.ndim == 2 else values
        if values.shape[:2] != (rows, columns) or values.ndim != 3 or values.dtype.kind != "u":
            raise CorruptStream(f"JPEG XL decoded to shape {values.shape}, {values.dtype}")
        half = 1 << bits - 1 if signed else 0
        pixels = (values.astype(np.int32) - half if half else values).astype(f"{'i' if signed else 'u'}{width}")
        return Image(pixels[np.newaxis], bits)
