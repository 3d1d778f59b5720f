"""Backend: who codes the tiles. The C kernel where it was built, else the normative NumPy."""

from typing import Protocol

from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.native import Native, instruction_sets
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import Reference, State

__all__ = ["Coder", "State", "coder", "remark"]


class Coder(Protocol):
    """See Reference."""

    def encode(
        self, values: Ints, before: State | None, geometry: Geometry, weights: Ints, highest: int
    ) -> tuple[bytes, State]:
        """See Reference.encode."""
        ...

    def decode(self, data: bytes, before: State | None, geometry: Geometry, weights: Ints, highest: int) -> State:
        """See Reference.decode."""
        ...


def coder(model: Model) -> Coder:
    """A coder of tiles; any thread may use it."""
    return _coder(model.sha256, model) if instruction_sets() else Reference(model)


def remark() -> str:
    """Who codes here, in words."""
    found = instruction_sets()
    return f"C kernel, {found[0]}" if found else "no C kernel was built: NumPy, seconds for a slice"


_native: dict[bytes, Native] = {}


def _coder(sha256: bytes, model: Model) -> Native:
    if sha256 not in _native:
        _native[sha256] = Native(model)
    return _native[sha256]
