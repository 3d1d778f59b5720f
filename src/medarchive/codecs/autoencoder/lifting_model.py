"""Lifting's model: the weights of the learned transform in a file, known by its SHA-256. Laid out in docs/format.md."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_WEIGHT, Layer
from medarchive.codecs.frames import packed, unpacked
from medarchive.errors import CorruptStream

__all__ = ["IDENTITY", "LEVELS", "PREDICTED", "REFINED", "SEEN", "WIDEST", "LevelNetworks", "LiftingModel"]

MAGIC = b"\x89MEDL\r\n\x1a"
VERSION = 1
IDENTITY = 4
"""Bytes of the SHA-256 by which a stream names its model."""
LEVELS = 3
"""Levels that have networks, the finest ones."""
AROUND = 24
"""Low coefficients around one, 5 x 5 without itself."""
SEEN = AROUND + 3 * 9 + 3
"""Inputs of the refinement: the low band's, 3 x 3 of each band, and what was coded of each."""
PREDICTED, REFINED = 3, 4
WIDEST = 48
"""Units of a hidden layer: 9 x 48 products below 2^22 and a bias are below 2^31."""
_HEAD = struct.Struct("<8sBBB")
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class LevelNetworks:
    """The networks of one level: layers with weights in 1/1024 and 12 bits, activations in 1/256.

    Weights of layers that see 3 x 3 are of shape (outputs, inputs x 9), inputs slower than places.

    Attributes:
        predict: three layers, from AROUND inputs to PREDICTED.
        refine: four layers, from SEEN inputs to REFINED; none where the transform does without.
    """

    predict: tuple[Layer, ...]
    refine: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class LiftingModel:
    """What an encoder and its decoder must share.

    Attributes:
        sha256: of the file.
        levels: the networks, those of the finest level first.
    """

    sha256: bytes
    levels: tuple[LevelNetworks, ...]

    @property
    def identity(self) -> bytes:
        """How a stream names it."""
        return self.sha256[:IDENTITY]

    def predicting(self) -> Self:
        """The same without the networks that refine."""
        return replace(self, levels=tuple(replace(level, refine=()) for level in self.levels))

    @property
    def kinds(self) -> int:
        """1 where it predicts, 2 where it refines, 3 where it does both."""
        return _kinds(self.levels)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """A model from a file's bytes.

        Raises:
            CorruptStream: they are none, or its sums could leave their bounds.
        """
        if not _HEAD.size <= len(data) <= _MOST_BYTES:
            raise CorruptStream("this is no file of a learned transform")
        magic, version, width, kinds = _HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION or not 1 <= width <= WIDEST or not 1 <= kinds <= 3:
            raise CorruptStream("this is no file of a learned transform of a version that can be read")
        sizes = [size for _ in range(LEVELS) for size in (*_predicting(width, kinds), *_refining(width, kinds))]
        body = unpacked(
            data[_HEAD.size :], sum(2 * rows * columns + 4 * rows for rows, columns in sizes), "a learned transform"
        )
        layers = _layers(body, sizes)
        predict, refine = len(_predicting(width, kinds)), len(_refining(width, kinds))
        levels = []
        for _ in range(LEVELS):
            first = tuple(next(layers) for _ in range(predict))
            levels.append(LevelNetworks(first, tuple(next(layers) for _ in range(refine))))
        return cls(hashlib.sha256(data).digest(), tuple(levels))

    @staticmethod
    def write(levels: Sequence[LevelNetworks]) -> bytes:
        """The bytes of a model file."""
        finest = levels[0]
        width = len((finest.predict or finest.refine)[0].biases)
        body = b"".join(
            layer.weights.astype("<i2").tobytes() + layer.biases.astype("<i4").tobytes()
            for level in levels
            for layer in (*level.predict, *level.refine)
        )
        return _HEAD.pack(MAGIC, VERSION, width, _kinds(levels)) + packed(body)


def _kinds(levels: Sequence[LevelNetworks]) -> int:
    return (1 if levels[0].predict else 0) | (2 if levels[0].refine else 0)


def _predicting(width: int, kinds: int) -> tuple[tuple[int, int], ...]:
    """Outputs and inputs of the predicting layers."""
    return ((width, AROUND), (width, 9 * width), (PREDICTED, width)) if kinds & 1 else ()


def _refining(width: int, kinds: int) -> tuple[tuple[int, int], ...]:
    """Outputs and inputs of the refining layers."""
    return ((width, SEEN), (width, 9 * width), (width, 9 * width), (REFINED, width)) if kinds & 2 else ()


def _layers(body: bytes, sizes: Sequence[tuple[int, int]]) -> Iterator[Layer]:
    position = 0
    for outputs, inputs in sizes:
        weights: NDArray[np.int16] = np.frombuffer(body, "<i2", outputs * inputs, position).reshape(outputs, inputs)
        position += weights.nbytes
        biases = np.frombuffer(body, "<i4", outputs, position)
        position += biases.nbytes
        if np.abs(weights.astype(int)).max() > MOST_WEIGHT or np.abs(biases.astype(int)).max() > MOST_BIAS:
            raise CorruptStream("a learned transform with weights beyond their limits")
        yield Layer(weights.astype(np.int16), biases.astype(np.int32))
