"""Quantise: near-lossless coding in front of any lossless codec, with an exact bound (compare ITU-T T.87 A.4.4).

With a bound n, values are counted in steps of 2n + 1 from the lowest that their bits allow. The middle of a step is off
by n at most from every value in it, and a middle beyond the highest value is moved back to that, which is closer.
"""

import numpy as np

from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CorruptStream
from medarchive.image import Image

__all__ = ["MAX_ERROR", "dequantised", "quantised", "quantised_spec"]

MAX_ERROR = 1 << 15


def _range(bits: int, *, signed: bool) -> tuple[int, int]:
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def quantised_spec(spec: ImageSpec, max_error: int) -> ImageSpec:
    """What the codec sees of an image of this spec."""
    if max_error == 0:
        return spec
    low, high = _range(spec.bits, signed=spec.signed)
    bits = max(((high - low + max_error) // (2 * max_error + 1)).bit_length(), 1)
    dtype = np.dtype("u1" if bits <= 8 else "u2" if bits <= 16 else "u4")
    return ImageSpec(spec.frames, spec.rows, spec.columns, spec.samples, bits, dtype)


def quantised(image: Image, max_error: int) -> Image:
    """The steps that an image's values lie in; with 0 the image itself."""
    if max_error == 0:
        return image
    spec = quantised_spec(ImageSpec.of(image, len(image)), max_error)
    low, _ = _range(image.bits, signed=image.signed)
    steps = (image.pixels.astype(np.int64) - low + max_error) // (2 * max_error + 1)
    return Image(steps.astype(spec.dtype), spec.bits)


def dequantised(steps: Image, spec: ImageSpec, max_error: int) -> Image:
    """The image that stands for these steps.

    Raises:
        CorruptStream: a step lies beyond the range of the spec's bits.
    """
    if max_error == 0:
        return steps
    low, high = _range(spec.bits, signed=spec.signed)
    values = steps.pixels.astype(np.int64) * (2 * max_error + 1) + low
    if int(values.max()) > high + max_error:
        raise CorruptStream("a quantised value lies beyond the range of its image")
    return Image(np.minimum(values, high).astype(spec.dtype), spec.bits)
