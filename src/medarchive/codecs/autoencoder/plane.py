"""Plane: one plane of an image as latents, and back. Mirrors docs/format.md, "autoencoder"."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import points, rate, steps
from medarchive.codecs.autoencoder.backend import Coder
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import FRACTION, Bands, analysed, synthesised
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream

__all__ = ["decode", "encode", "step_of"]

Values = NDArray[np.int64]

_DEAD = 0.4
_PRICE = 0.12
"""Of a bit, in squared steps: the slope at high rates is 2 ln 2 / 12; chosen on the validation series."""
_MOST_VALUE = 1 << 16
_MOST_BYTES = 1 << 30


def step_of(values: Values, quality: float) -> int:
    """The step's number for a quality.

    From quality 1 to 100 the step falls geometrically, from a quarter of the plane's range to a quarter of its noise as
    the finest diagonal band shows it (Donoho & Johnstone 1994), or to 1/4 where there is none.
    """
    spread = int(values.max()) - int(values.min())
    finest = analysed(values << FRACTION).details[:1]
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
    bands = analysed((values - middle) << FRACTION)
    pyramid = _quantised(bands, values.shape, step, coder, passes)
    found = points.found(pyramid, bands, step)
    packed = sum(point << points.BITS * index for index, point in enumerate(found))
    return head + varint(middle - lowest) + varint(step) + varint(packed) + blob(coder.encode(pyramid))


def _quantised(bands: Bands, shape: tuple[int, int], step: int, coder: Coder, passes: int) -> Pyramid:
    scaled = Pyramid.of(*shape, np.zeros(shape[0] * shape[1], np.float32))  # type: ignore[arg-type]
    for level, (row, detail) in enumerate(zip(scaled.levels, bands.details, strict=True)):
        for band, (to, exact) in enumerate(zip(row, detail, strict=True)):
            to[...] = exact / steps.of_band(step, level, band)
    scaled.low[...] = np.rint(bands.low / steps.of_low(step, len(bands.details)))
    pyramid = Pyramid.of(*shape, (np.sign(scaled.flat) * np.floor(np.abs(scaled.flat) + _DEAD)).astype(np.int32))
    pyramid.low[...] = scaled.low
    for _ in range(passes):
        begin = pyramid.low.size
        logits = coder.logits(pyramid)
        pyramid.flat[begin:] = rate.chosen(scaled.flat[begin:], logits[:, begin:], _PRICE)
    return pyramid


def decode(reader: Reader, rows: int, columns: int, coder: Coder) -> Values:
    """The values of a plane.

    Raises:
        CorruptStream: the bytes are no such plane.
    """
    lowest, spread = reader.varint(_MOST_VALUE - 1), reader.varint(_MOST_VALUE - 1)
    if lowest + spread >= _MOST_VALUE:
        raise CorruptStream("an autoencoder plane of more than 16 bits")
    if not spread:
        return np.full((rows, columns), lowest, np.int64)
    middle, step = lowest + reader.varint(spread), reader.varint(steps.MOST)
    packed = reader.varint((1 << points.BITS * points.COUNT) - 1)
    found = [packed >> points.BITS * index & (1 << points.BITS) - 1 for index in range(points.COUNT)]
    pyramid = Pyramid.of(rows, columns)
    coder.decode(reader.blob(_MOST_BYTES), pyramid)
    plane = synthesised(points.restored(pyramid, step, found))
    return np.clip((plane + (1 << FRACTION - 1) >> FRACTION) + middle, lowest, lowest + spread)
