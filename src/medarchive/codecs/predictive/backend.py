"""Backend: who codes the tiles. The C kernel where it was built, else the normative NumPy."""

from typing import Protocol

from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import Reference, State

__all__ = ["Coder", "State", "coder"]


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
    """A coder of tiles."""
    return Reference(model)
