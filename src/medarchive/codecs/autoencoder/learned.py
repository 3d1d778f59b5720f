"""Learned: the learned transforms that come with the package, and who computes them here."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from medarchive.codecs.autoencoder import native
from medarchive.codecs.autoencoder.lifting import Lifting
from medarchive.codecs.autoencoder.lifting_model import LiftingModel
from medarchive.codecs.autoencoder.native_lifting import NativeLifting
from medarchive.codecs.autoencoder.wavelet import Details, Plane
from medarchive.codecs.shipped import model_file

__all__ = ["DEFAULT", "Learned", "LearnedLevels", "learned", "load"]

DEFAULT = "lifting-1"


class LearnedLevels(Protocol):
    """See Lifting."""

    def expected(self, low: Plane, sizes: tuple[int, int], level: int, step: int) -> Details:
        """See Lifting.expected."""
        ...

    def joined(self, low: Plane, rest: Details, expected: Details, level: int, step: int) -> Plane:
        """See Lifting.joined."""
        ...


@dataclass(frozen=True, slots=True)
class Learned:
    """A learned transform; any thread may use it.

    Attributes:
        identity: how a stream names it.
        whole: with all its networks.
        predicting: without those that refine.
    """

    identity: bytes
    whole: LearnedLevels
    predicting: LearnedLevels


def learned(model: LiftingModel) -> Learned:
    """The transform of a model."""
    of = NativeLifting if native.instruction_sets() else Lifting
    return Learned(model.identity, of(model), of(model.predicting()))


@cache
def load(identity: bytes | None = None) -> Learned:
    """The transform of an identity among those that come with the package; None takes the default.

    Raises:
        UnknownCodec: there is none.
    """
    return learned(LiftingModel.read(model_file(f"{DEFAULT}.medl", identity, "learned transform", "autoencoder")))
