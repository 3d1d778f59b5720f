"""Plane: one plane of an image as latents, and back. Mirrors docs/format.md, "autoencoder"."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, steps, transform
from medarchive.codecs.autoencoder.backend import Coder
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import FRACTION
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream

__all__ = ["Decoded", "decode", "encode", "latents", "step_of"]

Values = NDArray[np.int64]

_DEAD = 0.4
_PRICE = 0.15
"""Of a bit, in squared steps: the slope at high rates is 2 ln 2 / 12; chosen on the validation series."""
_INWARD = 0.05
"""How far towards 0 the quantiser expects coefficients to be put back, in steps."""
_MOST_VALUE = 1 << 16
_MOST_BYTES = 1 << 30


def step_of(values: Values, quality: float) -> int:
    """The step's number for a quality.

    From quality 1 to 100 the step falls geometrically, from a quarter of the plane's range to a quarter of its noise as
    the finest diagonal band shows it (Donoho & Johnstone 1994), or to 1/4 where there is none. A constant plane has no
    use for a step.
    """
    spread = int(values.max()) - int(values.min())
    if not spread:
        return 0
    finest = transform.analysed(values).levels[:1]
    noise = float(np.abs(finest[0][2]).mean()) / (1 << FRACTION) if finest and finest[0][2].size else 0.0
    coarse, fine = spread / 4, min(max(noise, 1.0), spread) / 4
    return steps.nearest(coarse * (fine / coarse) ** ((quality - 1) / 99))


def encode(values: Values, step: int, coder: Coder, passes: int) -> bytes:
    """The bytes of a plane.

    Args:
        values: shape (rows, columns), 0 to 65,535.
        step: number of the quantiser's step.
        coder: of coefficients.
        passes: how often the quantiser looks at what coefficients cost.
    """
    lowest, highest = int(values.min()), int(values.max())
    head = varint(lowest) + varint(highest - lowest)
    if lowest == highest:
        return head
    middle = round(float(values.mean()))
    exact = transform.analysed(values - middle)
    pyramid = _quantised(exact, step, coder, passes)
    found = points.found(pyramid, exact, step)
    packed = sum(point << points.BITS * index for index, point in enumerate(found))
    return head + varint(middle - lowest) + varint(step) + varint(packed) + blob(coder.encode(pyramid))


def latents(values: Values, step: int, coder: Coder, passes: int = 1) -> Pyramid[np.int32]:
    """The quantised coefficients of a plane, see ``encode``."""
    return _quantised(transform.analysed(values - round(float(values.mean()))), step, coder, passes)


def _quantised(exact: Pyramid[np.int64], step: int, coder: Coder, passes: int) -> Pyramid[np.int32]:
    scaled = Pyramid.of(exact.shape, np.zeros(exact.flat.size, np.float32))
    for level, (row, detail) in enumerate(zip(scaled.levels, exact.levels, strict=True)):
        for band, (to, coefficients) in enumerate(zip(row, detail, strict=True)):
            np.multiply(coefficients, 1 / steps.of_band(step, level, band), out=to, casting="same_kind")
    low = np.rint(exact.low / steps.of_low(step, len(exact.levels))).astype(np.int32)
    pyramid = Pyramid.of(exact.shape, (np.sign(scaled.flat) * np.floor(np.abs(scaled.flat) + _DEAD)).astype(np.int32))
    for _ in range(passes):
        coder.quantise(pyramid, scaled.flat, _PRICE, _INWARD)
    pyramid.low[...] = low
    return pyramid


@dataclass(frozen=True, slots=True)
class Decoded:
    """A plane that was decoded: int64 of shape (rows, columns), and the least and the largest value of the original."""

    values: Values
    lowest: int
    highest: int


def decode(reader: Reader, rows: int, columns: int, coder: Coder) -> Decoded:
    """The plane of such bytes.

    Raises:
        CorruptStream: the bytes are no such plane.
    """
    lowest, spread = reader.varint(_MOST_VALUE - 1), reader.varint(_MOST_VALUE - 1)
    if lowest + spread >= _MOST_VALUE:
        raise CorruptStream("an autoencoder plane of more than 16 bits")
    if not spread:
        return Decoded(np.full((rows, columns), lowest, np.int64), lowest, lowest)
    middle, step = lowest + reader.varint(spread), reader.varint(steps.MOST)
    packed = reader.varint((1 << points.BITS * points.COUNT) - 1)
    found = [packed >> points.BITS * index & (1 << points.BITS) - 1 for index in range(points.COUNT)]
    data, pyramid = reader.blob(_MOST_BYTES), Pyramid.zeros((rows, columns))
    coder.decode(data, pyramid)
    plane = transform.synthesised(points.restored(pyramid, step, found))
    return Decoded(np.clip(plane + middle, lowest, lowest + spread), lowest, lowest + spread)
