"""Backend: who codes the coefficients. The C kernel where it was built, else the normative NumPy."""

from typing import Protocol

from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.pyramid import Ints, Pyramid
from medarchive.codecs.autoencoder.reference import Reference

__all__ = ["Coder", "coder"]


class Coder(Protocol):
    """See Reference."""

    def encode(self, pyramid: Pyramid) -> bytes:
        """See Reference.encode."""
        ...

    def decode(self, data: bytes, pyramid: Pyramid) -> None:
        """See Reference.decode."""
        ...

    def logits(self, pyramid: Pyramid) -> Ints:
        """See Reference.logits."""
        ...


def coder(model: Model) -> Coder:
    """A coder of coefficients; any thread may use it."""
    return Reference(model)
