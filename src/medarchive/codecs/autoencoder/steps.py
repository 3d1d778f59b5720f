"""Steps: how coarsely each band is quantised for a step of the image (compare ITU-T T.800 E.1).

An error of one step in any band moves the pixels equally far, in the mean over the image: a band's step is the image's
divided by the norm of the band's synthesis basis.
"""

import math

__all__ = ["MOST", "nearest", "of_band", "size"]

PER_OCTAVE = 32
_FINEST = -4
"""Step number 0 is 1/16 of a stored unit."""
MOST = 20 * PER_OCTAVE
_MANTISSAS = tuple(round(2**16 * 2 ** (k / PER_OCTAVE)) for k in range(PER_OCTAVE))
_NORMS = (
    (4142, 4142, 3225),
    (5405, 5405, 3962),
    (7483, 7483, 5628),
    (10087, 10087, 7692),
    (13409, 13409, 10268),
    (17749, 17749, 13606),
    (23467, 23467, 17994),
)
"""Norms of the synthesis basis by level, the finest first, and band, in 1/4096; measured on synthesised impulses."""
_FURTHER = 5418
"""By what norms grow from level to level beyond the table, in 1/4096."""


def size(number: int) -> int:
    """A step in 1/65,536 of a stored unit, 0 <= number <= MOST."""
    octave, part = divmod(number, PER_OCTAVE)
    shifted = octave + _FINEST
    return _MANTISSAS[part] << shifted if shifted >= 0 else _MANTISSAS[part] >> -shifted


def nearest(step: float) -> int:
    """The number of the step that comes closest to one in stored units."""
    return min(MOST, max(0, round(PER_OCTAVE * (math.log2(step) - _FINEST))))


def of_band(number: int, level: int, band: int) -> int:
    """The step of a band, in 1/64 of a stored unit times 1, at least 1."""
    norm = _NORMS[min(level, len(_NORMS) - 1)][band]
    for _ in range(len(_NORMS) - 1, level):
        norm = norm * _FURTHER >> 12
    return max(1, (size(number) << 12) // norm >> 10)


def of_low(number: int, levels: int) -> int:
    """The step of the low band below so many levels, in 1/64 of a stored unit."""
    return of_band(number, max(levels - 1, 0), 0)
