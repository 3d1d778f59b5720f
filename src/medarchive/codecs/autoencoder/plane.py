"""Plane: one plane of an image as latents, and back. Mirrors docs/format.md, "autoencoder"."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import learned, loop, points, steps, transform
from medarchive.codecs.autoencoder.backend import Coder, Quantiser
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.lifting_model import IDENTITY
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import FRACTION
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream

__all__ = ["Decoded", "decode", "encode", "latents", "step_of"]

Values = NDArray[np.int64]
Exact = Pyramid[np.int64]

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


def encode(values: Values, step: int, coder: Coder, passes: int, lifted: Learned | None = None) -> bytes:
    """The bytes of a plane.

    Args:
        values: shape (rows, columns), 0 to 65,535.
        step: number of the quantiser's step.
        coder: of coefficients.
        passes: how often the quantiser looks at what coefficients cost.
        lifted: a learned transform; without it the 9/7 transform is all.
    """
    lowest, highest = int(values.min()), int(values.max())
    head = varint(lowest) + varint(highest - lowest)
    if lowest == highest:
        return head
    middle = round(float(values.mean()))
    exact = transform.analysed(values - middle)
    head += varint(middle - lowest) + varint(step)
    if lifted is None:
        pyramid = _quantised(exact, step, coder, passes)
        found, head = points.found(pyramid, exact, step), head + varint(0)
    else:
        pyramid, found, doing = _lifted(exact, step, coder, passes, lifted)
        head += varint(1 + doing) + lifted.identity
    packed = sum(point << points.BITS * index for index, point in enumerate(found))
    return head + varint(packed) + blob(coder.encode(pyramid))


def latents(
    values: Values, step: int, coder: Quantiser, passes: int = 1, lifted: Learned | None = None
) -> Pyramid[np.int32]:
    """The quantised coefficients of a plane, see ``encode``."""
    exact = transform.analysed(values - round(float(values.mean())))
    return _quantised(exact, step, coder, passes) if lifted is None else _lifted(exact, step, coder, passes, lifted)[0]


def _quantised(exact: Exact, step: int, coder: Quantiser, passes: int) -> Pyramid[np.int32]:
    scaled = _scaled(exact, step)
    low = np.rint(exact.low / steps.of_low(step, len(exact.levels))).astype(np.int32)
    pyramid = Pyramid.of(exact.shape, _rounded(scaled.flat))
    for _ in range(passes):
        coder.quantise(pyramid, scaled.flat, _PRICE, _INWARD)
    pyramid.low[...] = low
    return pyramid


def _lifted(
    exact: Exact, step: int, coder: Quantiser, passes: int, lifted: Learned
) -> tuple[Pyramid[np.int32], list[int], int]:
    """Quantised coefficients, the points at which the decoder shall put them back, and what levels shall do."""
    pyramid, scaled = Pyramid.zeros(exact.shape), _scaled(exact, step)
    low = np.rint(exact.low / steps.of_low(step, len(exact.levels))).astype(np.int32)
    inward = [round(32 * _INWARD)] * points.COUNT

    def rounded(left: Exact, level: int) -> None:
        _scale(left, step, level, scaled)
        for to, band in zip(pyramid.levels[level], scaled.levels[level], strict=True):
            to[...] = _rounded(band)

    def bargain(left: Exact, level: int) -> None:
        _scale(left, step, level, scaled)
        coder.quantise(pyramid, scaled.flat, _PRICE, _INWARD, range(level, level + 1))

    pyramid.low[...] = low
    walks = loop.Loop(exact, lifted, step)
    left, doing = walks.walk(pyramid, inward, rounded, refine=False)
    for _ in range(max(1, passes)):
        inward = points.found(pyramid, left, step)
        left, doing = walks.walk(pyramid, inward, bargain if passes else rounded)
    return pyramid, inward, doing


def _scaled(exact: Exact, step: int) -> Pyramid[np.float32]:
    """Details in steps."""
    scaled = Pyramid.of(exact.shape, np.zeros(exact.flat.size, np.float32))
    for level in range(len(exact.levels)):
        _scale(exact, step, level, scaled)
    return scaled


def _scale(exact: Exact, step: int, level: int, scaled: Pyramid[np.float32]) -> None:
    for band, (to, coefficients) in enumerate(zip(scaled.levels[level], exact.levels[level], strict=True)):
        np.multiply(coefficients, 1 / steps.of_band(step, level, band), out=to, casting="same_kind")


def _rounded(scaled: NDArray[np.floating]) -> NDArray[np.int32]:
    """Coefficients in steps, rounded before anyone knows what they cost."""
    rounded: NDArray[np.int32] = (np.sign(scaled) * np.floor(np.abs(scaled) + _DEAD)).astype(np.int32)
    return rounded


@dataclass(frozen=True, slots=True)
class Decoded:
    """A plane that was decoded: int64 of shape (rows, columns), and the least and the largest value of the original."""

    values: Values
    lowest: int
    highest: int


def decode(
    reader: Reader, rows: int, columns: int, coder: Coder, known: Callable[[bytes], Learned] = learned.load
) -> Decoded:
    """The plane of such bytes.

    Args:
        reader: of the bytes.
        rows: of the plane.
        columns: of the plane.
        coder: of coefficients.
        known: finds a learned transform by its identity.

    Raises:
        CorruptStream: the bytes are no such plane.
        UnknownCodec: they name a learned transform that is not here.
    """
    lowest, spread = reader.varint(_MOST_VALUE - 1), reader.varint(_MOST_VALUE - 1)
    if lowest + spread >= _MOST_VALUE:
        raise CorruptStream("an autoencoder plane of more than 16 bits")
    if not spread:
        return Decoded(np.full((rows, columns), lowest, np.int64), lowest, lowest)
    middle, step = lowest + reader.varint(spread), reader.varint(steps.MOST)
    how = reader.varint(1 + loop.ALL)
    lifted = known(reader.take(IDENTITY)) if how else None
    packed = reader.varint((1 << points.BITS * points.COUNT) - 1)
    found = [packed >> points.BITS * index & (1 << points.BITS) - 1 for index in range(points.COUNT)]
    data, pyramid = reader.blob(_MOST_BYTES), Pyramid.zeros((rows, columns))
    coder.decode(data, pyramid)
    coefficients = points.restored(pyramid, step, found)
    if lifted is None:
        plane = transform.synthesised(coefficients)
    else:
        plane = loop.synthesised(coefficients, lifted, step, how - 1) + (1 << FRACTION - 1) >> FRACTION
    return Decoded(np.clip(plane + middle, lowest, lowest + spread), lowest, lowest + spread)
