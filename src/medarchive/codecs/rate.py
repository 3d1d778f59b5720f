"""Rate: the smallest stream that passes a fidelity profile. Not a ratio is asked for, but what must be kept.

Two ways of losing are tried, each as far as the profile lets it go: the lossy codec, frame by frame at the lowest
quality that passes, and near-lossless coding with the widest bound that passes. The smaller one is kept; where neither
passes, nothing is lost.
"""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from medarchive.codecs import verified
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import FidelityProfile, Rescale, Verdict, judge, measure, passes
from medarchive.codecs.fidelity.check import Decision
from medarchive.codecs.lossy import DEFAULT_CODEC, Coded, LossyCodec, coded, lossy_codec, whole, written
from medarchive.codecs.quantise import dequantised, quantised
from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CodecError
from medarchive.image import Image

__all__ = ["Chosen", "smallest"]

_LEAST, _MOST = 1.0, 100.0
_FINE = 0.75
"""How close to the lowest quality that passes the search comes; the step of the quantiser is not much finer."""
_GUESS, _WIDE, _NARROW = 65.0, 8.0, 2.0
_MOST_BOUND = 64
_BOUNDED = ("predictive", "autoencoder", "jpegxl", "zstd-planes")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found.

    Attributes:
        how: "lossy", "bounded" (near-lossless) or "lossless", because nothing else passed.
        container: of one entry.
        max_error: the largest error, in stored units.
        verdict: on what the container decodes to.
        tried: for each way its size in bytes; 0 where it did not pass.
    """

    how: Literal["lossy", "bounded", "lossless"]
    container: bytes
    max_error: int
    verdict: Verdict
    tried: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What has to be kept, of which image."""

    image: Image
    profile: FidelityProfile
    rescale: Rescale
    decision: Decision | None
    effort: int
    workers: int
    spec: ImageSpec | None

    def passes(self, frames: slice, decoded: Image) -> bool:
        return passes(self.image[frames], decoded, self.profile, rescale=self.rescale, decision=self.decision)


def smallest(
    image: Image,
    profile: FidelityProfile,
    *,
    rescale: Rescale | None = None,
    decision: Decision | None = None,
    effort: int = DEFAULT_EFFORT,
    workers: int = 1,
    spec: ImageSpec | None = None,
) -> Chosen:
    """Encode an image so small that it just passes a profile.

    Args:
        image: all frames.
        profile: what must be kept.
        rescale: from stored values to the profile's unit; without it they are in that unit.
        decision: must come to the same on the original and on what is decoded.
        effort: 1 (quick) to 9 (small).
        workers: threads.
        spec: how the caller had the image.

    Raises:
        UnsupportedImage: no codec takes the image.
        CodecError: no codec's result passed the proof that it is what was encoded.
    """
    asked = _Asked(image, profile, rescale or Rescale(), decision, effort, workers, spec)
    found = [] if profile.lossless_only else [way for way in (_lossy(asked), _bounded(asked)) if way]
    tried = tuple((name, next((len(each.container) for each in found if each.how == name), 0)) for name in _WAYS)
    if found:
        best = min(found, key=lambda each: len(each.container))
        return Chosen(best.how, best.container, best.max_error, best.verdict, tried)
    container = _verified(asked, 0)
    verdict = judge(image, image, profile, rescale=asked.rescale)
    return Chosen("lossless", container, 0, verdict, (*tried, ("lossless", len(container))))


_WAYS = ("lossy", "bounded")


def _lossy(asked: _Asked) -> Chosen | None:
    """Every frame at the lowest quality that passes; None where one of them passes at none."""
    codec = lossy_codec(DEFAULT_CODEC)
    image = asked.image
    if not codec.accepts(image):
        return None
    first = _lowest(asked, codec, 0, _GUESS, _WIDE)
    near = first[0] if first else _GUESS
    with ThreadPoolExecutor(asked.workers, thread_name_prefix="medarchive-rate") as pool:
        rest = pool.map(lambda at: _lowest(asked, codec, at, near, _NARROW), range(1, len(image) if first else 1))
        frames = [first, *rest]
    kept = [frame[1] for frame in frames if frame is not None]
    if len(kept) < len(frames):
        return None
    decoded = whole([frame.decoded for frame in kept])
    verdict = judge(image, decoded, asked.profile, rescale=asked.rescale, decision=asked.decision)
    if not verdict.passed:
        return None
    container = written(image, codec, kept, asked.spec, verdict.packed())
    return Chosen("lossy", container, measure(image, decoded).max_error, verdict, ())


def _lowest(asked: _Asked, codec: LossyCodec, at: int, guess: float, width: float) -> tuple[float, Coded] | None:
    """A frame at the lowest quality that passes, as far as a search finds it that takes what passes to be monotone.

    Args:
        asked: what has to be kept.
        codec: the lossy one.
        at: which frame.
        guess: where the search begins.
        width: how far the first step leads; each further one is twice as wide, until one passes and one does not.
    """
    here = slice(at, at + 1)
    frame, best = asked.image[here], None

    def good(quality: float) -> bool:
        nonlocal best
        found = coded(codec, frame, quality, asked.effort)
        if not asked.passes(here, found.decoded):
            return False
        best = (quality, found)
        return True

    middle = guess
    if good(middle):
        low, high = None, middle
        while low is None and high > _LEAST:
            middle, width = max(_LEAST, high - width), 2 * width
            low, high = (None, middle) if good(middle) else (middle, high)
    else:
        low, high = middle, None
        while high is None and low < _MOST:
            middle, width = min(_MOST, low + width), 2 * width
            low, high = (low, middle) if good(middle) else (middle, None)
    if low is None or high is None:
        return best
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return best


def _bounded(asked: _Asked) -> Chosen | None:
    """Near-lossless with the widest bound that passes; None where none does. What it decodes to is known beforehand."""
    image, spec = asked.image, ImageSpec.of(asked.image, len(asked.image))
    everything = slice(0, len(image))

    def good(bound: int) -> bool:
        return asked.passes(everything, dequantised(quantised(image, bound), spec, bound))

    bound = _last(good, min(_MOST_BOUND, (1 << image.bits) // 8))
    if not bound:
        return None
    container = _verified(asked, bound)
    opened = Container.of(container)
    decoded = opened.frames(0, 0, len(image))
    verdict = judge(image, decoded, asked.profile, rescale=asked.rescale, decision=asked.decision)
    if not verdict.passed:
        raise CodecError(f"near-lossless coding with bound {bound} passed before it was encoded, and not after")
    return Chosen("bounded", container, measure(image, decoded).max_error, verdict, ())


def _last(good: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` that is good, if smaller ones all are; 0 where 1 is not."""
    low, high = 0, 1
    while high <= most and good(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low


def _verified(asked: _Asked, bound: int) -> bytes:
    out = io.BytesIO()
    specs = [asked.spec] if asked.spec else None
    verified.encode(
        [asked.image],
        out,
        codecs=_BOUNDED if bound else verified.DEFAULT_CODECS,
        max_error=bound,
        effort=asked.effort,
        workers=asked.workers,
        specs=specs,
    )
    return out.getvalue()
