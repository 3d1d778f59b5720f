"""The coder of a tile in C: the bytes and planes of ``Reference``, where the package was built with a compiler."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.predictive.adaptation import Adaptation
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import State
from medarchive.errors import CorruptStream

try:
    from medarchive.codecs.predictive import _native
except ImportError:  # no compiler when the package was installed
    _native = None  # type: ignore[assignment]

__all__ = ["STAGES", "Native", "instruction_sets", "occurring", "plane_of"]

STAGES = ("linear prediction", "features", "network", "entropy coding", "adaptation")


def instruction_sets() -> list[str]:
    """What the kernel can use on this machine, the fastest first; empty where there is no kernel."""
    return _native.instruction_sets() if _native is not None else []


def occurring(values: Ints, count: int) -> NDArray[np.bool_]:
    """Which of the values 0 to count - 1 occur."""
    used = np.zeros(count, np.bool_)
    if instruction_sets():
        _native.mark(_plain(values), used)
    else:
        used[values.reshape(-1)] = True
    return used


def plane_of(geometry: Geometry, tile: Ints) -> Ints:
    """See Geometry.plane_of."""
    if not instruction_sets():
        return geometry.plane_of(tile)
    plane = geometry.new()
    _native.plane(geometry.rows, geometry.columns, _plain(tile), plane)
    return plane


class Native:
    """Codes tiles with a model; see Reference. Any number of threads may use it at once.

    Attributes:
        instructions: the instruction set in use.
        times: nanoseconds that each of STAGES took so far, where they are measured.
    """

    def __init__(self, model: Model, instructions: str | None = None, times: bool = False) -> None:
        """Prepare a model.

        Args:
            model: of limited size, see ``Model``.
            instructions: one of ``instruction_sets()``; the first one where it is not said.
            times: whether to measure the stages; then one thread may use it at a time.

        Raises:
            ValueError: the kernel is not there, or lacks these instructions.
        """
        have = instruction_sets()
        if not have or (instructions is not None and instructions not in have):
            raise ValueError(f"the kernel is not here for {instructions or 'this machine'}: it has {have}")
        self.instructions = instructions or have[0]
        self.times = np.zeros(len(STAGES), np.uint64) if times else None
        self._model = model
        first, second, _ = model.network.layers
        self._packed = _native.pack(
            len(first.biases),
            len(second.biases),
            np.ascontiguousarray(first.weights, np.int16),
            _plain(first.biases),
            np.ascontiguousarray(second.weights, np.int16),
            _plain(second.biases),
            _plain(model.rates),
            np.ascontiguousarray(model.tables, np.uint16),
        )

    def encode(
        self, values: Ints, before: State | None, geometry: Geometry, weights: Ints, highest: int
    ) -> tuple[bytes, State]:
        """See Reference.encode."""
        state = State(_plain(values), geometry.new(), self._last(before))
        return _native.encode(*self._tile(state, before, geometry, weights, highest)), state

    def decode(self, data: bytes, before: State | None, geometry: Geometry, weights: Ints, highest: int) -> State:
        """See Reference.decode.

        Raises:
            CorruptStream: the bytes are no such tile.
        """
        state = State(geometry.new(), geometry.new(), self._last(before))
        fault = _native.decode(data, self._tile(state, before, geometry, weights, highest))
        if fault is not None:
            raise CorruptStream(fault)
        return state

    def _last(self, before: State | None) -> Ints:
        """A last layer of its own."""
        return _plain(Adaptation(self._model, None if before is None else before.fine).fine)

    def _tile(
        self, state: State, before: State | None, geometry: Geometry, weights: Ints, highest: int
    ) -> tuple[object, ...]:
        return (
            self._packed,
            self.instructions,
            state.values,
            state.errors,
            state.fine,
            _plain(weights),
            None if before is None else _plain(before.values),
            None if before is None else _plain(before.errors),
            self.times,
            geometry.rows,
            geometry.columns,
            highest,
        )


def _plain(numbers: Ints) -> Ints:
    return np.ascontiguousarray(numbers, np.int32)
