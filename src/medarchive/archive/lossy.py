"""Lossy: pixels of which something is lost, as a rule says, decoded again and measured before they count.

Near-lossless coding is every codec's. What reaches a fidelity profile at the smallest size is found by a ``Smallest``,
which whoever opens the archive hands in; this is the only place that knows of it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from medarchive.codecs import verified
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import measure
from medarchive.errors import CodecError, MayNotLose, UnknownCodec
from medarchive.image import Image
from medarchive.policy import Rule

__all__ = ["Chosen", "Made", "Smallest", "Verdict", "encode"]


class Verdict(Protocol):
    """Whether an image reaches a profile, and what was measured."""

    @property
    def passed(self) -> bool:
        """Whether it does."""
        ...

    @property
    def reasons(self) -> Sequence[str]:
        """Where it does not."""
        ...

    def packed(self) -> bytes:
        """What was measured, JSON."""
        ...


class Chosen(Protocol):
    """The smallest encoding of an image that reaches a profile."""

    @property
    def how(self) -> Literal["lossy", "bounded", "lossless"]:
        """With the lossy codec, near-lossless, or without loss because nothing else reached the profile."""
        ...

    @property
    def container(self) -> bytes:
        """A container of one entry."""
        ...

    @property
    def max_error(self) -> int:
        """The largest error that was measured, in stored units."""
        ...

    @property
    def verdict(self) -> Verdict:
        """On what the container decodes to."""
        ...


class Smallest(Protocol):
    """Finds the smallest encoding of an image that reaches a profile."""

    def __call__(
        self, image: Image, profile: str, *, slope: float, intercept: float, effort: int, workers: int
    ) -> Chosen:
        """Encode.

        Args:
            image: frames of one sample.
            profile: name of the fidelity profile.
            slope: from stored values to those of the modality.
            intercept: of the same.
            effort: 1 (quick) to 9 (small).
            workers: threads.

        Raises:
            SettingsError: there is no profile of this name.
        """
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """Pixels with loss.

    Attributes:
        container: of one entry.
        image: what it decodes to.
        codec: of the container.
        max_error: the container's bound; with it the decoded pixels are coded again exactly.
        method: Lossy Image Compression Method (0028,2114); not one of the standard's terms, for no ISO codec made it.
        description: what was done, in a sentence.
        report: what was measured, JSON.
    """

    container: bytes
    image: Image
    codec: str
    max_error: int
    method: str
    description: str
    report: str


def encode(
    image: Image,
    rule: Rule,
    *,
    rescale: tuple[float, float],
    codecs: Sequence[str],
    effort: int,
    workers: int,
    smallest: Smallest | None,
) -> Made:
    """Encode an image as a rule says.

    Args:
        image: all frames.
        rule: one that loses.
        rescale: slope and intercept.
        codecs: candidates for near-lossless coding, by name.
        effort: 1 (quick) to 9 (small).
        workers: threads.
        smallest: for rules with a profile.

    Raises:
        MayNotLose: no version with loss reaches the profile, or is smaller.
        UnknownCodec: there is nobody who encodes to a profile.
        CodecError: what was encoded did not pass the proof.
    """
    if rule.action == "near-lossless":
        out = io.BytesIO()
        kept = verified.encode([image], out, codecs=codecs, max_error=rule.max_error, effort=effort, workers=workers)
        return _proven(image, out.getvalue(), rule.max_error, "MEDARCHIVE_NEAR", kept.report.packed())
    if smallest is None:
        raise UnknownCodec(f"profile {rule.profile}: this installation has no codec that encodes to a profile")
    slope, intercept = rescale
    chosen = smallest(image, rule.profile, slope=slope, intercept=intercept, effort=effort, workers=workers)
    if chosen.how == "lossless" or not chosen.verdict.passed:
        why = "; ".join(chosen.verdict.reasons) or "nothing with loss is smaller"
        raise MayNotLose(f"profile {rule.profile}: {why}")
    method = "MEDARCHIVE_LOSSY" if chosen.how == "lossy" else "MEDARCHIVE_NEAR"
    return _proven(image, chosen.container, chosen.max_error, method, chosen.verdict.packed())


def _proven(image: Image, container: bytes, max_error: int, method: str, report: bytes) -> Made:
    """Decode what was encoded and look whether it is as near as was said."""
    opened = Container.open(lambda offset, length: container[offset : offset + length], len(container))
    decoded = opened.frames(0, 0, opened.entries[0].spec.frames)
    found = measure(image, decoded, max_error)
    if len(opened.entries) != 1 or not found.passed:
        raise CodecError(f"{opened.codec}: decoded with an error of {found.max_error} where {max_error} is said")
    description = f"no pixel is off by more than {found.max_error} stored units"
    measured = (report or found.packed()).decode("ascii")
    return Made(container, decoded, opened.codec, opened.max_error, method, description, measured)
