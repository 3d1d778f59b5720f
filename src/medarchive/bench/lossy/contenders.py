"""Contenders of the lossy benchmark: one knob each, from few bytes to many."""

from dataclasses import dataclass
from typing import Protocol

from medarchive.bench.contenders import Ours
from medarchive.codecs.base import Codec
from medarchive.codecs.lossy import LossyCodec
from medarchive.image import Image

__all__ = ["BOUNDS", "Bounded", "Learned", "Lossless", "Lossy"]

BOUNDS = (1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95)
"""By how much a value may be off, of the near-lossless contender: about half as much again from one to the next."""


class Lossy(Protocol):
    """A lossy way to turn a frame into bytes and back. Any thread may call it."""

    @property
    def name(self) -> str:
        """What it is called by."""
        ...

    @property
    def ours(self) -> bool:
        """Whether it is a codec of this package."""
        ...

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest setting; bytes grow from one to the other."""
        ...

    @property
    def steps(self) -> tuple[float, ...]:
        """All settings there are, most bytes first; empty where any within ``span`` will do."""
        ...

    def takes(self, image: Image) -> bool:
        """Whether it takes images like this one."""
        ...

    def encode(self, image: Image, setting: float) -> bytes:
        """Encode one frame; raises whatever the codec raises."""
        ...

    def decode(self, data: bytes, like: Image) -> Image:
        """Decode what ``encode`` made of ``like``; of that, shape, dtype, bits and the range of values are known."""
        ...


@dataclass(frozen=True, slots=True)
class Learned:
    """A codec of ours with a knob for quality; its bytes are those of its stream."""

    codec: LossyCodec
    effort: int
    ours: bool = True
    span: tuple[float, float] = (1.0, 100.0)
    steps: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The registry's."""
        return self.codec.name

    def takes(self, image: Image) -> bool:
        """See Lossy.takes."""
        return self.codec.accepts(image)

    def encode(self, image: Image, setting: float) -> bytes:
        """See Lossy.encode."""
        return self.codec.encode_lossy(image, quality=setting, effort=self.effort)

    def decode(self, data: bytes, like: Image) -> Image:  # noqa: ARG002  # the protocol's
        """See Lossy.decode."""
        return self.codec.decode(data)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A lossless codec of ours behind a quantiser: near-lossless, every value off by a bound at most."""

    codec: Codec
    effort: int
    ours: bool = True
    span: tuple[float, float] = (-float(BOUNDS[-1]), -float(BOUNDS[0]))
    steps: tuple[float, ...] = tuple(-float(bound) for bound in BOUNDS)

    @property
    def name(self) -> str:
        """The registry's, and what is done with it."""
        return f"{self.codec.name} near-lossless"

    def takes(self, image: Image) -> bool:
        """See Lossy.takes."""
        return Ours(self.codec, self.effort, BOUNDS[0]).takes(image)

    def encode(self, image: Image, setting: float) -> bytes:
        """See Lossy.encode; the setting is the bound, below 0. A byte in front of the stream says it."""
        bound = round(-setting)
        return bytes([bound]) + Ours(self.codec, self.effort, bound).encode(image)

    def decode(self, data: bytes, like: Image) -> Image:
        """See Lossy.decode."""
        return Ours(self.codec, self.effort, data[0]).decode(data[1:], like)


@dataclass(frozen=True, slots=True)
class Lossless:
    """A lossless codec of ours: what is stored where nothing may be lost."""

    codec: Codec
    effort: int
    ours: bool = True
    span: tuple[float, float] = (0.0, 0.0)
    steps: tuple[float, ...] = (0.0,)

    @property
    def name(self) -> str:
        """The registry's, and what is done with it."""
        return f"{self.codec.name} lossless"

    def takes(self, image: Image) -> bool:
        """See Lossy.takes."""
        return self.codec.accepts(image)

    def encode(self, image: Image, setting: float) -> bytes:  # noqa: ARG002  # the protocol's
        """See Lossy.encode."""
        return self.codec.encode(image, effort=self.effort)

    def decode(self, data: bytes, like: Image) -> Image:  # noqa: ARG002  # the protocol's
        """See Lossy.decode."""
        return self.codec.decode(data)
