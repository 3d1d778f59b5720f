"""Drawings: images that repeat themselves, as text and test patterns do. Zstandard finds what no neighbour tells."""

import numpy as np
import zstandard

from medarchive.codecs.frames import unpacked
from medarchive.codecs.predictive.planes import Ints
from medarchive.errors import CorruptStream

__all__ = ["decode", "encode"]

_QUICK, _THOROUGH = 3, 19
_PROMISING = 1.5
"""How much longer than what it competes with a quick attempt, at the first frame, may be."""


def encode(planes: Ints, highest: int, length: int) -> bytes | None:
    """The planes in a Zstandard frame, where that is shorter than ``length`` bytes; else None."""
    kind, first = _kind(highest), planes[:1]
    quick = len(zstandard.ZstdCompressor(level=_QUICK).compress(first.astype(kind).tobytes()))
    if quick * len(planes) > _PROMISING * length:
        return None
    values = planes.astype(kind).tobytes()
    found = zstandard.ZstdCompressor(level=_THOROUGH).compress(values)
    return found if len(found) < length else None


def decode(data: bytes, shape: tuple[int, ...], highest: list[int]) -> Ints:
    """Planes of shape (frames, planes, rows, columns), each with values up to its highest.

    Raises:
        CorruptStream: they are none, or have a value beyond its highest.
    """
    kind, count = _kind(max(highest)), int(np.prod(shape))
    planes = np.frombuffer(unpacked(data, count * kind.itemsize, "a drawing"), kind).reshape(shape).astype(np.int32)
    if (planes.max(axis=(0, 2, 3)) > highest).any():
        raise CorruptStream("a predictive stream with a value beyond its highest")
    return planes


def _kind(highest: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype("u1" if highest < 256 else "<u2")
