"""Model: the weights and tables of a network in a file, known by its SHA-256. Laid out in docs/format.md."""

import hashlib
import struct
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.frames import packed, unpacked
from medarchive.codecs.predictive.distribution import SHAPES, SPAN
from medarchive.codecs.predictive.features import COUNT
from medarchive.codecs.predictive.network import MOST_BIAS, MOST_WEIGHT, WIDEST, Layer, Network
from medarchive.codecs.predictive.planes import Ints
from medarchive.codecs.shipped import model_file
from medarchive.errors import CorruptStream

__all__ = ["DEFAULT", "IDENTITY", "Model", "load"]

MAGIC = b"\x89MEDP\r\n\x1a"
VERSION = 1
IDENTITY = 8
"""Bytes of the SHA-256 by which a stream names its model."""
DEFAULT = "predictive-1"
_HEAD = struct.Struct("<8sBHH")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Model:
    """What an encoder and its decoder must share.

    Attributes:
        sha256: of the file.
        network: see there.
        rates: int32 of shape (2, inputs of the last layer + 1): by how many bits gradients of location and spread are
            shifted before they move its weights, and last the bias; 1 to 30.
        tables: distribution functions, uint16 of shape (shapes, SPAN), never falling along a row.
    """

    sha256: bytes
    network: Network
    rates: Ints
    tables: NDArray[np.uint16]

    @property
    def identity(self) -> bytes:
        """How a stream names it."""
        return self.sha256[:IDENTITY]

    @classmethod
    def read(cls, data: bytes) -> Self:
        """A model from a file's bytes.

        Raises:
            CorruptStream: they are none, or its sums could leave 32 bits.
        """
        if len(data) < _HEAD.size or len(data) > _MOST_BYTES:
            raise CorruptStream("this is no model file")
        magic, version, first, second = _HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION or not (1 <= first <= WIDEST and 1 <= second <= WIDEST):
            raise CorruptStream("this is no model file of a version that can be read")
        sizes = ((first, COUNT), (second, first), (3, second + COUNT))
        count = sum(2 * outputs * inputs + 4 * outputs for outputs, inputs in sizes) + 2 * (second + COUNT + 1)
        count += 2 * len(SHAPES) * SPAN
        body = unpacked(data[_HEAD.size :], count, "a model file")
        position, layers = 0, []
        for outputs, inputs in sizes:
            weights = np.frombuffer(body, "<i2", outputs * inputs, position).reshape(outputs, inputs).astype(np.int16)
            position += weights.nbytes
            biases = np.frombuffer(body, "<i4", outputs, position).astype(np.int32)
            position += biases.nbytes
            if (
                np.abs(weights.astype(np.int32)).max() > MOST_WEIGHT
                or np.abs(biases.astype(np.int64)).max() > MOST_BIAS
            ):
                raise CorruptStream("a model file with weights beyond their limits")
            layers.append(Layer(weights, biases))
        rates = np.frombuffer(body, np.uint8, 2 * (second + COUNT + 1), position).reshape(2, -1).astype(np.int32)
        position += rates.size
        if rates.min() < 1 or rates.max() > 30:
            raise CorruptStream("a model file with rates beyond their limits")
        tables = np.cumsum(np.frombuffer(body, "<u2", -1, position).reshape(len(SHAPES), SPAN), axis=1)
        if tables.max() > 65535:
            raise CorruptStream("a model file with tables beyond their limits")
        network = Network((layers[0], layers[1], layers[2]))
        return cls(hashlib.sha256(data).digest(), network, rates, tables.astype(np.uint16))

    @staticmethod
    def write(network: Network, rates: Ints, tables: NDArray[np.uint16]) -> bytes:
        """The bytes of a model file."""
        first, second, _ = (len(layer.biases) for layer in network.layers)
        body = b"".join(
            layer.weights.astype("<i2").tobytes() + layer.biases.astype("<i4").tobytes() for layer in network.layers
        )
        body += rates.astype(np.uint8).tobytes()
        body += np.diff(tables, axis=1, prepend=np.uint16(0)).astype("<u2").tobytes()
        return _HEAD.pack(MAGIC, VERSION, first, second) + packed(body)


@cache
def load(identity: bytes | None = None) -> Model:
    """The model of an identity among those that come with the package; None takes the default.

    Raises:
        UnknownCodec: there is none.
    """
    return Model.read(model_file(f"{DEFAULT}.medp", identity, "model", "predictive"))
