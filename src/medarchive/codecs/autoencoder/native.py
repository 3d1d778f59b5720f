"""The coder of coefficients and the transform in C: the same integers, where the package was built with a compiler."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import ALL
from medarchive.errors import CorruptStream

try:
    from medarchive.codecs.autoencoder import _native
except ImportError:  # no compiler when the package was installed
    _native = None  # type: ignore[assignment]

__all__ = ["Native", "analysed", "instruction_sets", "synthesised"]

Longs = NDArray[np.int64]
Quantised = Pyramid[np.int32]


def instruction_sets() -> list[str]:
    """What the kernel can use on this machine, the fastest first; empty where there is no kernel."""
    return _native.instruction_sets() if _native is not None else []


class Native:
    """Codes coefficients with a model; see Reference. Any number of threads may use it at once.

    Attributes:
        instructions: the instruction set in use.
    """

    def __init__(self, model: Model, instructions: str | None = None) -> None:
        """Prepare a model.

        Args:
            model: of limited size, see ``Model``.
            instructions: one of ``instruction_sets()``; the first one where it is not said.

        Raises:
            ValueError: the kernel is not there, or lacks these instructions.
        """
        found = instruction_sets()
        if not found or (instructions or found[0]) not in found:
            raise ValueError(f"no kernel for {instructions or 'this machine'} here")
        self.instructions = instructions or found[0]
        layers = [layer for network in model.networks for layer in network.layers]
        first, second, _ = (len(layer.biases) for layer in layers[:3])
        self._model = _native.pack(
            first,
            second,
            np.concatenate([layer.weights.astype(np.int16).reshape(-1) for layer in layers]),
            np.concatenate([layer.biases.astype(np.int32) for layer in layers]),
            np.ascontiguousarray(model.chances, np.uint16),
        )

    def encode(self, pyramid: Quantised) -> bytes:
        """See Reference.encode."""
        return _native.encode(self._model, self.instructions, pyramid.flat, *pyramid.shape)

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        """See Reference.decode."""
        fault = _native.decode(self._model, self.instructions, pyramid.flat, *pyramid.shape, data)
        if fault:
            raise CorruptStream(fault)

    def quantise(
        self, pyramid: Quantised, scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """See Reference.quantise."""
        fault = _native.quantise(
            self._model,
            self.instructions,
            pyramid.flat,
            *pyramid.shape,
            scaled,
            price,
            inward,
            levels.start,
            levels.stop - 1,
        )
        if fault:
            raise ValueError(fault)


def analysed(plane: Longs) -> Longs:
    """See wavelet.analysed; the coefficients in the order of a pyramid."""
    flat = np.empty(plane.size, np.int64)
    _native.analyse(np.array(plane, np.int64, order="C"), flat, *plane.shape)
    return flat


def synthesised(flat: Longs, rows: int, columns: int) -> Longs:
    """See wavelet.synthesised; the coefficients in the order of a pyramid."""
    plane = np.empty((rows, columns), np.int64)
    _native.synthesise(plane, flat, rows, columns)
    return plane
