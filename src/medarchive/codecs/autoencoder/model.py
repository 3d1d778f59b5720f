"""Model: the weights of the entropy network in a file, known by its SHA-256. Laid out in docs/format.md."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.context import COUNTS
from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_LOGIT, MOST_WEIGHT, OUTPUTS, WIDEST, Layer, Network
from medarchive.codecs.frames import packed, unpacked
from medarchive.codecs.shipped import model_file
from medarchive.errors import CorruptStream

__all__ = ["DEFAULT", "IDENTITY", "Model", "load"]

MAGIC = b"\x89MEDT\r\n\x1a"
VERSION = 1
IDENTITY = 4
"""Bytes of the SHA-256 by which a stream names its model."""
DEFAULT = "autoencoder-1"
_HEAD = struct.Struct("<8sBHH")
_MOST_BYTES = 4 << 20
_TABLE = 2 * MOST_LOGIT + 1


@dataclass(frozen=True, slots=True)
class Model:
    """What an encoder and its decoder must share.

    Attributes:
        sha256: of the file.
        networks: one for each band and pass, see COUNTS.
        chances: uint16, of yes for each logit, 1 to 65,535.
    """

    sha256: bytes
    networks: tuple[Network, ...]
    chances: NDArray[np.uint16]

    @property
    def identity(self) -> bytes:
        """How a stream names it."""
        return self.sha256[:IDENTITY]

    @classmethod
    def read(cls, data: bytes) -> Self:
        """A model from a file's bytes.

        Raises:
            CorruptStream: they are none, or its sums could leave their bounds.
        """
        if not _HEAD.size <= len(data) <= _MOST_BYTES:
            raise CorruptStream("this is no model file")
        magic, version, first, second = _HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION or not (1 <= first <= WIDEST and 1 <= second <= WIDEST):
            raise CorruptStream("this is no model file of a version that can be read")
        sizes = [((first, count), (second, first), (OUTPUTS, second)) for count in COUNTS]
        size = sum(2 * outputs * inputs + 4 * outputs for three in sizes for outputs, inputs in three) + 2 * _TABLE
        body = unpacked(data[_HEAD.size :], size, "a model file")
        position, networks = 0, []
        for three in sizes:
            layers = []
            for outputs, inputs in three:
                weights = np.frombuffer(body, "<i2", outputs * inputs, position).reshape(outputs, inputs)
                position += weights.nbytes
                biases = np.frombuffer(body, "<i4", outputs, position)
                position += biases.nbytes
                if np.abs(weights.astype(int)).max() > MOST_WEIGHT or np.abs(biases.astype(int)).max() > MOST_BIAS:
                    raise CorruptStream("a model file with weights beyond their limits")
                layers.append(Layer(weights.astype(np.int16), biases.astype(np.int32)))
            networks.append(Network((layers[0], layers[1], layers[2])))
        chances = np.frombuffer(body, "<u2", _TABLE, position).astype(np.uint16)
        if not chances.all():
            raise CorruptStream("a model file with chances beyond their limits")
        return cls(hashlib.sha256(data).digest(), tuple(networks), chances)

    @staticmethod
    def write(networks: Sequence[Network], chances: NDArray[np.uint16]) -> bytes:
        """The bytes of a model file."""
        first, second = (len(layer.biases) for layer in networks[0].layers[:2])
        body = b"".join(
            layer.weights.astype("<i2").tobytes() + layer.biases.astype("<i4").tobytes()
            for network in networks
            for layer in network.layers
        )
        return _HEAD.pack(MAGIC, VERSION, first, second) + packed(body + chances.astype("<u2").tobytes())


def logistic() -> NDArray[np.uint16]:
    """The table of chances that a model is given at its making; a decoder reads its model's."""
    logits = np.arange(-MOST_LOGIT, MOST_LOGIT + 1) / 64
    return np.clip(np.rint(65536 / (1 + np.exp(-logits))), 4, 65532).astype(np.uint16)


@cache
def load(identity: bytes | None = None) -> Model:
    """The model of an identity among those that come with the package; None takes the default.

    Raises:
        UnknownCodec: there is none.
    """
    return Model.read(model_file(f"{DEFAULT}.medt", identity, "model", "autoencoder"))
