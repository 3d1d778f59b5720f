"""Lossy: containers of streams whose loss no bound was set for. What was lost is measured and said in the report."""

import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from medarchive.codecs import registry
from medarchive.codecs.base import DEFAULT_EFFORT, Codec
from medarchive.codecs.container import Writer, frame_digests
from medarchive.codecs.fidelity import FidelityReport, measure
from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CodecError, UnsupportedImage
from medarchive.image import Image

__all__ = ["DEFAULT_CODEC", "Coded", "LossyCodec", "coded", "encode", "lossy_codec", "whole", "written"]

DEFAULT_CODEC = "autoencoder"


@runtime_checkable
class LossyCodec(Codec, Protocol):
    """A codec that can also lose, frame by frame."""

    def encode_lossy(self, image: Image, *, quality: float, effort: int = DEFAULT_EFFORT) -> bytes:
        """Encode a frame.

        Args:
            image: one frame.
            quality: 1 (small) to 100 (close to the original), any number between.
            effort: 1 (quick) to 9 (small).

        Raises:
            UnsupportedImage: the codec cannot take this image, or there is no such quality.
        """
        ...


@dataclass(frozen=True, slots=True)
class Coded:
    """A frame's stream and what it decodes to."""

    stream: bytes
    decoded: Image


def lossy_codec(name: str = DEFAULT_CODEC) -> LossyCodec:
    """The codec of a name, where it has a lossy mode.

    Raises:
        UnsupportedImage: it has none.
        UnknownCodec: there is no such codec here.
    """
    codec = registry.get(name)
    if not isinstance(codec, LossyCodec):
        raise UnsupportedImage(f"codec {name} has no lossy mode; {DEFAULT_CODEC} has one")
    return codec


def coded(codec: LossyCodec, frame: Image, quality: float, effort: int) -> Coded:
    """Encode a frame, and decode it again.

    Raises:
        UnsupportedImage: the codec does not take it, or a value lies outside of what its bits allow.
        CodecError: it decodes to an image of another kind.
    """
    frame.check_range()
    stream = codec.encode_lossy(frame, quality=quality, effort=effort)
    decoded = codec.decode(stream)
    if not ImageSpec.of(frame, len(frame)).fits(decoded, len(frame)):
        raise CodecError(f"codec {codec.name}: decoded to an image of another shape, dtype or number of bits")
    return Coded(stream, decoded)


def encode(
    image: Image,
    *,
    quality: float,
    codec: str = DEFAULT_CODEC,
    effort: int = DEFAULT_EFFORT,
    workers: int = 1,
    spec: ImageSpec | None = None,
) -> bytes:
    """A container of an image, every frame at one quality.

    Args:
        image: all frames.
        quality: see ``LossyCodec.encode_lossy``.
        codec: one with a lossy mode, by name.
        effort: 1 (quick) to 9 (small).
        workers: threads.
        spec: how the caller had the image.

    Raises:
        UnsupportedImage: the codec does not take the image, or there is no such quality.
        UnknownCodec: no such codec here.
        CodecError: the codec's result is no such image.
    """
    used = lossy_codec(codec)
    with ThreadPoolExecutor(workers, thread_name_prefix="medarchive-codec") as pool:
        frames = pool.map(lambda at: coded(used, image[at : at + 1], quality, effort), range(len(image)))
        return written(image, used, frames, spec)


def written(
    image: Image, codec: LossyCodec, frames: Iterable[Coded], spec: ImageSpec | None = None, verdict: bytes = b""
) -> bytes:
    """The container of an image's frames; its report says how large the largest error is.

    Args:
        image: the original.
        codec: that made the streams.
        frames: in order.
        spec: how the caller had the image.
        verdict: on what they decode to, JSON, where there is one.
    """
    out = io.BytesIO()
    writer = Writer(out, codec)
    total = FidelityReport(0, 0, 0, 0)
    for at, frame in enumerate(frames):
        writer.add(frame.stream, frame_digests(frame.decoded))
        total += measure(image[at : at + 1], frame.decoded)
    report = replace(total, limit=total.max_error)
    writer.end_entry(spec or ImageSpec.of(image, len(image)), report.packed(verdict))
    writer.close()
    return out.getvalue()


def whole(frames: Sequence[Image]) -> Image:
    """The image of some frames."""
    if len(frames) == 1:
        return frames[0]
    return Image(np.concatenate([frame.pixels for frame in frames]), frames[0].bits)
