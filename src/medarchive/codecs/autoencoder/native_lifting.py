"""The learned transform in C: the integers of ``lifting``, where the package was built with a compiler."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import native, wavelet
from medarchive.codecs.autoencoder.lifting import of_three, shapes_of, units_of
from medarchive.codecs.autoencoder.lifting_model import LEVELS, LiftingModel
from medarchive.codecs.autoencoder.wavelet import Details, Plane

try:
    from medarchive.codecs.autoencoder import _native
except ImportError:  # no compiler when the package was installed
    _native = None  # type: ignore[assignment]

__all__ = ["NativeLifting"]

Longs = NDArray[np.int64]


class NativeLifting:
    """See Lifting. Any number of threads may use it at once.

    Attributes:
        instructions: the instruction set in use.
    """

    def __init__(self, model: LiftingModel, instructions: str | None = None) -> None:
        """Prepare a model.

        Args:
            model: of limited size, see ``LiftingModel``.
            instructions: one of ``native.instruction_sets()``; the first one where it is not said.

        Raises:
            ValueError: the kernel is not there, or lacks these instructions.
        """
        found = native.instruction_sets()
        if not found or (instructions or found[0]) not in found:
            raise ValueError(f"no kernel for {instructions or 'this machine'} here")
        self.instructions = instructions or found[0]
        layers = [layer for level in model.levels for layer in (*level.predict, *level.refine)]
        self._model = _native.pack_lifting(
            len(layers[0].biases) if layers else 1,
            model.kinds,
            np.concatenate([np.zeros(0, np.int16), *(layer.weights.astype(np.int16).reshape(-1) for layer in layers)]),
            np.concatenate([np.zeros(0, np.int32), *(layer.biases.astype(np.int32) for layer in layers)]),
        )

    def expected(self, low: Plane, sizes: tuple[int, int], level: int, step: int) -> Details:
        """See Lifting.expected."""
        details = np.zeros(sizes[0] * sizes[1] - low.size, np.int64)
        if level < LEVELS:
            where = level, *sizes, *units_of(step, level)
            _native.expect(self._model, self.instructions, *where, _flat(low), details)
        return _divided(details, sizes)

    def joined(self, low: Plane, rest: Details, expected: Details, level: int, step: int) -> Plane:
        """See Lifting.joined."""
        sizes = low.shape[0] + rest[1].shape[0], low.shape[1] + rest[0].shape[1]
        if level >= LEVELS:
            return wavelet.joined(low, of_three(one + other for one, other in zip(rest, expected, strict=True)))
        plane = np.empty(sizes, np.int64)
        where = level, *sizes, *units_of(step, level)
        _native.join(self._model, self.instructions, *where, _flat(low), _together(rest), _together(expected), plane)
        return plane


def _flat(values: Longs) -> Longs:
    return np.ascontiguousarray(values, np.int64)


def _together(details: Details) -> Longs:
    return np.concatenate([band.reshape(-1) for band in details])


def _divided(details: Longs, sizes: tuple[int, int]) -> Details:
    shapes = shapes_of(*sizes)
    ends = np.cumsum([0, *(rows * columns for rows, columns in shapes)])
    return of_three(
        details[start:stop].reshape(shape) for start, stop, shape in zip(ends[:-1], ends[1:], shapes, strict=True)
    )
