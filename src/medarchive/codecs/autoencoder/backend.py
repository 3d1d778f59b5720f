"""Backend: who codes the coefficients. The C kernel where it was built, else the normative NumPy.

Before a process first codes with a kernel, the kernel codes a small plane: other bytes than the normative coder's, and
it is not used.
"""

import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.model import Model, load
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.codecs.autoencoder.wavelet import ALL
from medarchive.errors import CorruptStream

__all__ = ["Coder", "Quantiser", "coder", "remark"]

Quantised = Pyramid[np.int32]

_log = logging.getLogger(__name__)


class Quantiser(Protocol):
    """Knows what coefficients cost, or does as if; see Reference."""

    def quantise(
        self, pyramid: Quantised, scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """See Reference.quantise."""
        ...


class Coder(Quantiser, Protocol):
    """See Reference."""

    def encode(self, pyramid: Quantised) -> bytes:
        """See Reference.encode."""
        ...

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        """See Reference.decode."""
        ...


def coder(model: Model) -> Coder:
    """A coder of coefficients; any thread may use it."""
    return _proven(model.sha256, model) if instruction_sets() else Reference(model)


def remark() -> str:
    """Who codes here, in words."""
    if not instruction_sets():
        return "no C kernel was built: NumPy, seconds for a slice"
    used = coder(load())
    return f"C kernel, {used.instructions}" if isinstance(used, Native) else "the C kernel is faulty here: NumPy"


_known: dict[bytes, Coder] = {}


def _proven(sha256: bytes, model: Model) -> Coder:
    if sha256 not in _known:
        _known[sha256] = _first_proven(model)
    return _known[sha256]


def _first_proven(model: Model) -> Coder:
    """The kernel with the first instruction set that codes as it should, else the normative coder."""
    reference, golden = Reference(model), _golden()
    expected = reference.encode(golden)
    for name in instruction_sets():
        native = Native(model, name)
        if _codes(native, golden, expected):
            return native
        _log.warning("the C kernel codes with %s otherwise than it should; report it; trying another way", name)
    return reference


def _codes(coder: Coder, pyramid: Quantised, expected: bytes) -> bool:
    """Whether a coder makes the bytes that it should, and decodes them."""
    back = Pyramid.zeros(pyramid.shape)
    try:
        coder.decode(expected, back)
    except CorruptStream:
        return False
    return coder.encode(pyramid) == expected and bool(np.array_equal(back.flat, pyramid.flat))


def _golden() -> Quantised:
    """A plane with something for each of the networks, in bands of a few vectors and a rest; coded in milliseconds."""
    pyramid = Pyramid.zeros((4, 72))
    pyramid.low[...] = 99 * np.arange(pyramid.low.size).reshape(pyramid.low.shape) - 700
    for band in (*pyramid.levels[0], pyramid.levels[1][0]):
        at = np.arange(band.size)
        band.flat[:] = np.where(at % 5 < 2, 0, (at * at % 7 - 3) << at % 11)
    return pyramid
