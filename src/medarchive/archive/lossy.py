"""Lossy: pixels of which something is lost, as a rule says, decoded again and measured before they count.

Near-lossless coding is every codec's; what just reaches a fidelity profile is found by ``codecs.rate``; a quality is
the lossy codec's own, and what it comes to by the profile of such images is only said.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from medarchive.codecs import lossy, rate, verified
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import judge, measure, profile, profile_for
from medarchive.codecs.fidelity.report import worst_error
from medarchive.dicom.source import Source
from medarchive.errors import CodecError, MayNotLose
from medarchive.image import Image
from medarchive.policy import Rule

__all__ = ["NEAR", "Made", "encode"]

NEAR, _LOSSY = "MEDARCHIVE_NEAR", "MEDARCHIVE_LOSSY"
"""Lossy Image Compression Methods (0028,2114). None is the standard's, for no ISO codec made the pixels."""


@dataclass(frozen=True, slots=True)
class Made:
    """Pixels with loss.

    Attributes:
        container: of one entry.
        image: what it decodes to.
        codec: of the container.
        max_error: the container's bound; with it the decoded pixels are coded again exactly. 0 where it has none.
        method: for Lossy Image Compression Method.
        description: what was done, in a sentence.
        report: what was measured, JSON; empty where a quality lost nothing at all.
        missed: the fidelity profile for such images, where a quality does not reach it; otherwise empty.
    """

    container: bytes
    image: Image
    codec: str
    max_error: int
    method: str
    description: str
    report: str
    missed: str = ""


def encode(source: Source, rule: Rule, *, codecs: Sequence[str], effort: int, workers: int) -> Made:
    """Encode an image as a rule says.

    Args:
        source: all frames, and what their values mean.
        rule: one that loses.
        codecs: candidates for near-lossless coding, by name.
        effort: 1 (quick) to 9 (small).
        workers: threads.

    Raises:
        MayNotLose: no version with loss reaches the profile, or profile or codec are not for such an image.
        SettingsError: there is no such profile.
        CodecError: what was encoded did not pass the proof.
    """
    image = source.image
    if rule.action == "near-lossless":
        out = io.BytesIO()
        kept = verified.encode([image], out, codecs=codecs, max_error=rule.max_error, effort=effort, workers=workers)
        return _proven(image, out.getvalue(), rule.max_error, NEAR, kept.report.packed())
    if rule.action == "quality":
        return _at_quality(source, rule.quality, effort, workers)
    wanted = profile(rule.profile)
    modality = source.subject.modality.upper()
    if modality not in wanted.modalities:
        raise MayNotLose(f"profile {rule.profile} is not for modality {modality or 'unknown'}")
    chosen = rate.smallest(image, wanted, rescale=source.subject.rescale, effort=effort, workers=workers)
    if chosen.how == "lossless" or not chosen.verdict.passed:
        raise MayNotLose(f"profile {rule.profile}: nothing with loss reaches it")
    method = _LOSSY if chosen.how == "lossy" else NEAR
    return _proven(image, chosen.container, chosen.max_error, method, chosen.verdict.packed())


def _at_quality(source: Source, quality: float, effort: int, workers: int) -> Made:
    """Encode at a quality. Whoever sets a number wants that number: a verdict is added, and refuses nothing.

    Raises:
        MayNotLose: the lossy codec does not take the image.
        CodecError: what was encoded did not pass the proof.
    """
    image, subject = source.image, source.subject
    if not lossy.lossy_codec().accepts(image):
        raise MayNotLose(f"codec {lossy.DEFAULT_CODEC} does not take such an image")
    container = lossy.encode(image, quality=quality, effort=effort, workers=workers)
    worst = worst_error(Container.of(container).entries[0].report)
    made = _proven(image, container, worst, _LOSSY, b"")
    usual = profile_for(subject.modality, subject.body_part)
    if usual is None:
        return replace(made, description=f"{made.description}, no fidelity profile is for it")
    verdict = judge(image, made.image, usual, rescale=subject.rescale)
    said = "reached" if verdict.passed else "not reached"
    return replace(
        made,
        description=f"{made.description}, fidelity profile {usual.name} is {said}",
        report=measure(image, made.image, worst).packed(verdict.packed()).decode("ascii"),
        missed="" if verdict.passed else usual.name,
    )


def _proven(image: Image, container: bytes, max_error: int, method: str, report: bytes) -> Made:
    """Decode what was encoded and look whether it is as near as was said."""
    opened = Container.of(container)
    decoded = opened.frames(0, 0, opened.entries[0].spec.frames)
    found = measure(image, decoded, max_error)
    if len(opened.entries) != 1 or not found.passed:
        raise CodecError(f"{opened.codec}: decoded with an error of {found.max_error} where {max_error} is said")
    description = f"no pixel is off by more than {found.max_error} stored units"
    measured = (report or found.packed()).decode("ascii")
    return Made(container, decoded, opened.codec, opened.max_error, method, description, measured)
