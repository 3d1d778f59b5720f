"""Lifting's samples: parts of images as the learned transform's decoder meets them, at random steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import steps
from medarchive.codecs.autoencoder.lifting_model import LEVELS
from medarchive.codecs.autoencoder.wavelet import FRACTION, Bands, analysed, synthesised
from medarchive.training.coefficients import parts

__all__ = ["SIDE", "Sample", "drawn", "held_out", "sample"]

SIDE = 192
"""Rows and columns of a sample."""
INWARD = 0.05
"""How far towards 0 coefficients are put back, in steps."""
_DEAD = 0.38
_LEAST_BITS, _MOST_BITS = 0.04, 1.8

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sample:
    """One part at one step.

    Attributes:
        pixels: float32 (rows, columns), stored units, less their mean.
        low: float32, the low band below the learned levels as a decoder has it, in 1/64 of a stored unit.
        parent: float32 (3, ...), the quantised coefficients of the level below.
        details: for each learned level, the finest first, float32 (3, ...), the exact coefficients in steps.
        step: number of the step.
        bits: what the quantised coefficients of the whole part may cost, roughly.
    """

    pixels: Floats
    low: Floats
    parent: Floats
    details: tuple[Floats, ...]
    step: int
    bits: float


def drawn(
    series: Sequence[Sequence[NDArray[np.int64]]], random: np.random.Generator, side: int = SIDE
) -> Iterator[Sample]:
    """Endless samples of images."""
    for part in parts(series, random, side):
        if part.shape == (side, side):
            found = _any_step(part, random)
            if found is not None:
                yield found


def _any_step(part: NDArray[np.int64], random: np.random.Generator) -> Sample | None:
    """A sample at a step that suits the part: the noise's, or up to 64 times that.

    Noise decides at which steps an image leaves details to predict: far below it nothing but noise is coded, and in its
    units all images behave alike.
    """
    bands = analysed((part - int(part.mean())) << FRACTION)
    for _ in range(8):
        found = sample(part, steps.nearest(_noise(bands) * 2 ** random.uniform(0.0, 6.0)), bands)
        if _LEAST_BITS < found.bits / part.size < _MOST_BITS:
            return found
    return None


def held_out(series: Sequence[Sequence[NDArray[np.int64]]], side: int = SIDE) -> list[list[Sample]]:
    """The middle of the middle frame of each series, at up to three steps of fixed relation to its noise."""
    found = []
    for members in series:
        frame = members[len(members) // 2]
        top, left = ((length - side) // 2 for length in frame.shape)
        part = frame[max(0, top) :, max(0, left) :][:side, :side]
        if part.shape == (side, side) and part.max() > part.min():
            bands = analysed((part - int(part.mean())) << FRACTION)
            at = [sample(part, steps.nearest(_noise(bands) * 2**octaves), bands) for octaves in (1.5, 3.0, 4.5)]
            found.append([one for one in at if _LEAST_BITS < one.bits / part.size < _MOST_BITS])
    return [each for each in found if each]


def _noise(bands: Bands) -> float:
    return float(np.abs(bands.details[0][2]).mean()) / (1 << FRACTION) * 1.2 + 0.25


def sample(part: NDArray[np.int64], step: int, bands: Bands | None = None) -> Sample:
    """A part at a step."""
    bands = analysed((part - int(part.mean())) << FRACTION) if bands is None else bands
    bits, exact, quantised = 0.0, [], []
    for level, detail in enumerate(bands.details):
        scaled = [band / steps.of_band(step, level, number) for number, band in enumerate(detail)]
        values = [np.sign(band) * np.floor(np.abs(band) + _DEAD) for band in scaled]
        bits += sum(map(_bits, values))
        exact.append(np.stack(scaled).astype(np.float32))
        quantised.append(np.stack(values))
    restored = []
    for level in range(LEVELS, len(bands.details)):
        sizes = np.array([steps.of_band(step, level, number) for number in range(3)])[:, np.newaxis, np.newaxis]
        coded = quantised[level]
        back = np.rint((coded - INWARD * np.sign(coded)) * sizes).astype(np.int64)
        restored.append((back[0], back[1], back[2]))
    coarse = steps.of_low(step, len(bands.details))
    low = synthesised(Bands(np.rint(bands.low / coarse).astype(np.int64) * coarse, tuple(restored)))
    return Sample(
        (part - int(part.mean())).astype(np.float32),
        low.astype(np.float32),
        quantised[LEVELS].astype(np.float32),
        tuple(exact[:LEVELS]),
        step,
        bits,
    )


def _bits(values: NDArray[np.float64]) -> float:
    """What values cost were they independent."""
    counts = np.unique(values, return_counts=True)[1]
    return float(-(counts * np.log2(counts / counts.sum())).sum())
