"""Backend: who codes the coefficients. The C kernel where it was built, else the normative NumPy."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.codecs.autoencoder.wavelet import ALL

__all__ = ["Coder", "coder", "remark"]

Quantised = Pyramid[np.int32]


class Coder(Protocol):
    """See Reference."""

    def encode(self, pyramid: Quantised) -> bytes:
        """See Reference.encode."""
        ...

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        """See Reference.decode."""
        ...

    def quantise(
        self, pyramid: Quantised, scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """See Reference.quantise."""
        ...


def coder(model: Model) -> Coder:
    """A coder of coefficients; any thread may use it."""
    return _native(model.sha256, model) if instruction_sets() else Reference(model)


def remark() -> str:
    """Who codes here, in words."""
    found = instruction_sets()
    return f"C kernel, {found[0]}" if found else "no C kernel was built: NumPy, seconds for a slice"


_known: dict[bytes, Native] = {}


def _native(sha256: bytes, model: Model) -> Native:
    if sha256 not in _known:
        _known[sha256] = Native(model)
    return _known[sha256]
