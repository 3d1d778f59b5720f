"""Features: what the network is told of a pixel's surroundings, in units of the local scale of the prediction's
errors.

All are integers in sixteenths of that scale, -96 to 96. The scale comes in quarter octaves: ``k = 4 o + m`` stands
for ``(2 m + 9) / 8 * 2^o`` eighths of a step of the image. So the features do not depend on the image's contrast.
"""

from dataclasses import dataclass

import numpy as np

from medarchive.codecs.predictive.planes import Geometry, Ints

__all__ = ["ALONE", "COUNT", "HIGHEST_SCALE", "Context", "features"]

LIMIT = 96
HIGHEST_SCALE = 71
"""The largest k."""
_MOST = (1 << 18) - 1
_RECIPROCAL = np.array([(1 << 16) // (2 * m + 9) for m in range(4)], np.int32)

_VALUES = (
    *((-1, 0), (-2, 0), (-3, 0), (-2, 1), (-1, 1), (0, 1), (1, 1), (2, 1), (-2, 2), (-1, 2), (0, 2), (1, 2), (2, 2)),
    *((3, 2), (-1, 3), (0, 3), (1, 3)),
)
_ERRORS = ((-1, 0), (-2, 0), (-1, 1), (0, 1), (1, 1), (2, 1), (0, 2), (-2, 1), (1, 2), (-1, 2))
_WIDE = ((-1, 0), (-2, 0), (-3, 0), (-2, 1), (-1, 1), (0, 1), (1, 1), (2, 1), (-1, 2), (0, 2), (1, 2), (2, 2), (3, 2))
_NEAREST = ((-1, 0), (0, 1), (-1, 1), (1, 1))
_BEFORE = ((0, 0), (-1, 0), (1, 0), (0, 1), (0, -1), (-1, 1), (1, 1), (-1, -1), (1, -1))
_BEFORE_ERRORS = ((0, 0), (1, 0), (0, -1), (-1, 0), (0, 1))
ALONE = len(_VALUES) + len(_ERRORS) + 15
"""Features of a tile without one before it; the others come after them."""
COUNT = ALONE + len(_BEFORE) + len(_BEFORE_ERRORS) + 6
"""Features of a tile with one before it."""


@dataclass(frozen=True, slots=True)
class Context:
    """Planes of a tile and, where there is one, of the tile before: values, and errors of their linear predictions."""

    geometry: Geometry
    values: Ints
    errors: Ints
    before: Ints | None = None
    before_errors: Ints | None = None


def octaves(eighths: Ints) -> Ints:
    """The scale k of a positive number below 2^24: its exponent and the two bits that follow the first."""
    return (eighths.astype(np.float32).view(np.int32) >> 21) - (127 << 2)


def features(context: Context, places: Ints, predicted: Ints, highest: int) -> tuple[Ints, Ints]:
    """Features of the pixels at these places, shape (ALONE or COUNT, pixels), and their scales k.

    Args:
        context: the planes.
        places: see ``Geometry.at``.
        predicted: linear predictions, in sixteenths.
        highest: the largest value of the image.
    """
    geometry = context.geometry
    flat_values, flat_errors = context.values.reshape(-1), context.errors.reshape(-1)

    def value(dx: int, dy: int) -> Ints:
        return flat_values[places + geometry.offset(dx, dy)]

    def error(dx: int, dy: int) -> Ints:
        return flat_errors[places + geometry.offset(dx, dy)]

    def size(dx: int, dy: int) -> Ints:
        return np.abs(error(dx, dy))

    near = 2 * (size(-1, 0) + size(0, 1)) + size(-1, 1) + size(1, 1) + size(-2, 0) + size(0, 2)
    scale = octaves(np.minimum(near + 1, _MOST))
    octave, quarter = scale >> 2, scale & 3
    reciprocal, shift = _RECIPROCAL[quarter], octave + 10

    def in_scale(sixteenths: Ints) -> Ints:
        product = np.clip(sixteenths, -131071, 131071) * reciprocal
        clipped: Ints = np.clip((product + (1 << (shift - 1))) >> shift, -LIMIT, LIMIT)
        return clipped

    def against_scale(eighths: Ints) -> Ints:
        clipped: Ints = np.clip(4 * (octaves(np.minimum(eighths + 1, _MOST)) - scale), -LIMIT, LIMIT)
        return clipped

    found = [in_scale(16 * value(dx, dy) - predicted) for dx, dy in _VALUES]
    found += [in_scale(16 * error(dx, dy)) for dx, dy in _ERRORS]
    west, north, north_west, north_east = value(-1, 0), value(0, 1), value(-1, 1), value(1, 1)
    plane = west + north - north_west
    median = np.maximum(np.minimum(west, north), np.minimum(np.maximum(west, north), plane))
    mean = 2 * (error(-1, 0) + error(0, 1)) + error(-1, 1) + error(1, 1) + error(-2, 0) + error(0, 2)
    found += [in_scale(16 * median - predicted), in_scale(2 * mean)]
    found += [against_scale(8 * size(dx, dy)) for dx, dy in _NEAREST]
    wide = sum((size(dx, dy) for dx, dy in _WIDE), np.zeros_like(scale))
    texture = np.abs(west - north_west) + np.abs(north - north_west) + np.abs(north - north_east)
    texture = texture + np.abs(west - value(-2, 0)) + np.abs(north - value(0, 2))
    found += [
        against_scale((wide * 5) >> 3),
        against_scale(2 * texture),
        against_scale(4 * (size(-1, 0) + size(-2, 0))),
        against_scale(4 * (size(0, 1) + size(0, 2))),
        np.clip(3 * (scale - 20), -LIMIT, LIMIT),
        8 * ((predicted & 15) - 8),
        in_scale(predicted),
        in_scale(16 * highest - predicted),
    ]
    if context.before is None or context.before_errors is None:
        return np.stack([*found, np.zeros_like(scale)]), scale

    flat_before, flat_before_errors = context.before.reshape(-1), context.before_errors.reshape(-1)

    def before(dx: int, dy: int) -> Ints:
        return flat_before[places + geometry.offset(dx, dy)]

    def before_size(dx: int, dy: int) -> Ints:
        return np.abs(flat_before_errors[places + geometry.offset(dx, dy)])

    found.append(np.full_like(scale, 64))
    here = before(0, 0)
    found += [in_scale(16 * before(dx, dy) - predicted) for dx, dy in _BEFORE]
    found += [in_scale(16 * flat_before_errors[places + geometry.offset(dx, dy)]) for dx, dy in _BEFORE_ERRORS]
    changes = [value(dx, dy) - before(dx, dy) for dx, dy in _NEAREST]
    found += [in_scale(16 * (here + change) - predicted) for change in changes[:2]]
    found += [in_scale(16 * here + 4 * sum(changes[1:], changes[0]) - predicted)]
    around = sum((before_size(dx, dy) for dx, dy in _BEFORE), np.zeros_like(scale))
    ahead = before_size(0, 0) + before_size(1, 0) + before_size(0, -1) + before_size(1, -1)
    spread = sum((np.abs(change) for change in changes), np.zeros_like(scale))
    found += [against_scale((around * 7) >> 3), against_scale(2 * ahead), against_scale(2 * spread)]
    return np.stack(found), scale
