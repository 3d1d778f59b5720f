"""Contenders: our codecs and their peers, driven in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from medarchive.codecs.base import Codec
from medarchive.codecs.container import Writer, frame_digests
from medarchive.codecs.fidelity import FidelityReport
from medarchive.codecs.quantise import dequantised, quantised
from medarchive.codecs.spec import ImageSpec
from medarchive.image import Image

__all__ = ["Contender", "Ours"]


class Contender(Protocol):
    """One way to turn images into bytes and back. Any thread may call it."""

    @property
    def name(self) -> str:
        """What it is called by."""
        ...

    @property
    def ours(self) -> bool:
        """Whether it is a codec of this package."""
        ...

    @property
    def group(self) -> int:
        """How many consecutive frames a call takes."""
        ...

    @property
    def max_error(self) -> int:
        """By how much a value may be off; 0 is lossless."""
        ...

    def takes(self, image: Image) -> bool:
        """Whether it takes images like this one."""
        ...

    def encode(self, image: Image) -> bytes:
        """Encode up to ``group`` frames; raises whatever the codec raises."""
        ...

    def decode(self, data: bytes, like: Image) -> Image:
        """Decode what ``encode`` made of ``like``; of that, shape, dtype and bits alone are looked at."""
        ...

    def size(self, image: Image, streams: Sequence[bytes], report: FidelityReport) -> int:
        """All bytes that a file of these streams has."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """A codec of the registry; its bytes are those of the container that ``medarchive.encode`` writes."""

    codec: Codec
    effort: int
    max_error: int = 0
    ours: bool = True

    @property
    def name(self) -> str:
        """The registry's."""
        return self.codec.name

    @property
    def group(self) -> int:
        """The codec's."""
        return self.codec.group

    def takes(self, image: Image) -> bool:
        """See Contender.takes."""
        return self.codec.accepts(quantised(image[:1], self.max_error))

    def encode(self, image: Image) -> bytes:
        """See Contender.encode."""
        return self.codec.encode(quantised(image, self.max_error), effort=self.effort)

    def decode(self, data: bytes, like: Image) -> Image:
        """See Contender.decode."""
        return dequantised(self.codec.decode(data), ImageSpec.of(like, len(like)), self.max_error)

    def size(self, image: Image, streams: Sequence[bytes], report: FidelityReport) -> int:
        """See Contender.size."""
        writer = Writer(cast("BinaryIO", _Nowhere()), self.codec, max_error=self.max_error)
        for number, stream in enumerate(streams):
            writer.add(stream, frame_digests(image[number * self.group : (number + 1) * self.group]))
        writer.end_entry(ImageSpec.of(image, len(image)), report.packed())
        return writer.close()


class _Nowhere:
    """Takes bytes and keeps none."""

    def write(self, data: bytes) -> int:
        return len(data)
