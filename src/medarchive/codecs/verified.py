"""Verified: encode, decode, measure, accept. The only way in which the archive encodes.

No codec is trusted. Every stream of every candidate is decoded again and compared before it counts; the smallest
candidate that passed is kept. The last one takes every image, so there is always one.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from medarchive.codecs import registry
from medarchive.codecs.base import DEFAULT_EFFORT, Codec, Frames
from medarchive.codecs.container import Writer, frame_digests
from medarchive.codecs.fidelity import FidelityReport, measure
from medarchive.codecs.quantise import MAX_ERROR, dequantised, quantised
from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CodecError, UnknownCodec, UnsupportedImage
from medarchive.image import Image

__all__ = ["DEFAULT_CODECS", "Verified", "encode"]

LOGGER = logging.getLogger(__name__)

DEFAULT_CODECS = ("predictive", "jpegxl", "zstd-planes")
_TRIED_BYTES = 2 << 20
"""Candidates are compared on all of a smaller image, on about this much of a larger one. No stream is encoded twice."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A container that was proven.

    Attributes:
        codec: the one that was kept.
        size: of the container, in bytes.
        report: what was measured over all frames.
        tried: for every candidate its name and, in words, what became of it.
    """

    codec: str
    size: int
    report: FidelityReport
    tried: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Proven:
    """A stream that was decoded and passed; of what it decoded to, only the hashes stay."""

    stream: bytes
    digests: bytes
    report: FidelityReport


class _Unproven(Exception):  # never leaves this module
    """A stream that a codec did not make, or that did not pass."""


def encode(
    images: Sequence[Frames],
    out: BinaryIO,
    *,
    codecs: Sequence[str] = DEFAULT_CODECS,
    max_error: int = 0,
    effort: int = DEFAULT_EFFORT,
    workers: int = 1,
    specs: Sequence[ImageSpec] | None = None,
) -> Verified:
    """Write a container of images, each an entry, with the candidate that makes it smallest.

    Args:
        images: at least one; read group by group, several times if several candidates are tried.
        out: where the container goes; must be seekable and empty.
        codecs: candidates by name; the last one must take every image.
        max_error: no value may be off by more, in stored units; 0 is lossless.
        effort: 1 (quick) to 9 (small).
        workers: threads.
        specs: how the caller had the images; only the front door needs that.

    Raises:
        UnsupportedImage: no candidate takes the image, or ``max_error`` is out of range.
        UnknownCodec: no codec has such a name, or the only candidate cannot be used here.
        CodecError: no candidate's result passed.
    """
    if not 0 <= max_error <= MAX_ERROR:
        raise UnsupportedImage(f"max_error = {max_error}: expected 0 to {MAX_ERROR}")
    firsts = [image[:1] for image in images]
    specs = specs or [ImageSpec.of(first, len(image)) for first, image in zip(firsts, images, strict=True)]
    tried: dict[str, str] = {}
    candidates = _candidates(codecs, [quantised(first, max_error) for first in firsts], tried)
    with ThreadPoolExecutor(workers, thread_name_prefix="medarchive-codec") as pool:
        job = _Job(images, specs, max_error, effort, workers, pool)
        for codec, begun in _by_size(job, candidates, tried):
            out.seek(0)
            out.truncate()
            try:
                size, report = job.write(codec, out, begun)
            except _Unproven as error:
                LOGGER.warning("codec %s: %s; the next candidate takes its place", codec.name, error)
                tried[codec.name] = str(error)
                continue
            tried[codec.name] = f"kept, {size} bytes"
            return Verified(codec.name, size, report, tuple(tried.items()))
    reasons = "; ".join(f"{name}: {reason}" for name, reason in tried.items())
    if not candidates:
        raise UnsupportedImage(f"no codec takes this image ({reasons})")
    raise CodecError(f"no codec's result passed the proof ({reasons})")


def _candidates(names: Sequence[str], seen: Sequence[Image], tried: dict[str, str]) -> list[Codec]:
    """The codecs that can be used here and take these images; ``tried`` gets the reasons of the others."""
    found = []
    for name in dict.fromkeys(names):
        try:
            codec = registry.get(name)
        except UnknownCodec as error:
            if len(names) == 1 or name not in registry.names():
                raise
            LOGGER.warning("%s; it is passed over", error)
            tried[name] = str(error)
            continue
        if not codec.quick and len(names) > 1:
            tried[name] = "too slow here; name it alone to have it all the same"
        elif not all(map(codec.accepts, seen)):
            tried[name] = "does not take such an image"
        else:
            found.append(codec)
    return found


def _by_size(job: "_Job", candidates: Sequence[Codec], tried: dict[str, str]) -> list[tuple[Codec, Sequence[_Proven]]]:
    """The candidates with their first streams, the smallest first; those that failed the proof are left out."""
    if len(candidates) < 2:
        return [(codec, ()) for codec in candidates]
    found: list[tuple[float, Codec, Sequence[_Proven]]] = []
    for codec in candidates:
        try:
            begun = tuple(job.begin(codec, _TRIED_BYTES))
        except _Unproven as error:
            LOGGER.warning("codec %s: %s; it is passed over", codec.name, error)
            tried[codec.name] = str(error)
        else:
            size = sum(len(proven.stream) for proven in begun)
            tried[codec.name] = f"{size} bytes"
            found.append((size / sum(proven.report.values for proven in begun), codec, begun))
    return [(codec, begun) for _, codec, begun in sorted(found, key=lambda each: each[0])]


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be encoded, and how."""

    images: Sequence[Frames]
    specs: Sequence[ImageSpec]
    max_error: int
    effort: int
    workers: int
    pool: ThreadPoolExecutor

    def write(self, codec: Codec, out: BinaryIO, begun: Sequence[_Proven]) -> tuple[int, FidelityReport]:
        """Write the container, its first streams as they are already; its size and what was measured."""
        writer = Writer(out, codec, max_error=self.max_error)
        total = FidelityReport(self.max_error, 0, 0, 0)
        ready = iter(begun)
        for image, spec in zip(self.images, self.specs, strict=True):
            part = FidelityReport(self.max_error, 0, 0, 0)
            count = -(-len(image) // codec.group)
            first = list(islice(ready, count))
            for proven in chain(first, self._of_one(codec, image, range(len(first), count))):
                writer.add(proven.stream, proven.digests)
                part += proven.report
            writer.end_entry(spec, part.packed())
            total += part
        return writer.close(), total

    def begin(self, codec: Codec, most_bytes: int) -> Iterator[_Proven]:
        """The first streams, until so many bytes of pixels have been encoded."""
        left = most_bytes
        for image, spec in zip(self.images, self.specs, strict=True):
            each = codec.group * spec.rows * spec.columns * spec.samples * spec.dtype.itemsize
            count = min(-(-left // each), -(-len(image) // codec.group))
            yield from self._of_one(codec, image, range(count))
            left -= count * each
            if left <= 0:
                return

    def _of_one(self, codec: Codec, image: Frames, numbers: range) -> Iterator[_Proven]:
        """Some of one image's streams in order, a few of them under way at once."""
        under_way: list[Future[_Proven]] = []
        try:
            for number in numbers:
                under_way.append(self.pool.submit(self._proven, codec, image, number * codec.group))
                if len(under_way) > self.workers:
                    yield under_way.pop(0).result()
            while under_way:
                yield under_way.pop(0).result()
        finally:
            for future in under_way:
                future.cancel()

    def _proven(self, codec: Codec, image: Frames, start: int) -> _Proven:
        original = image[start : start + codec.group]
        original.check_range()
        try:
            stream = codec.encode(quantised(original, self.max_error), effort=self.effort)
            spec = ImageSpec.of(original, len(original))
            decoded = dequantised(codec.decode(stream), spec, self.max_error)
        except Exception as error:  # a codec that falls over is passed over, whatever it raises
            raise _Unproven(f"{type(error).__name__}: {error}") from error
        report = measure(original, decoded, self.max_error)
        if not report.passed:
            raise _Unproven(f"decoded with an error of {report.max_error} where {report.limit} is allowed")
        return _Proven(stream, frame_digests(decoded), report)
