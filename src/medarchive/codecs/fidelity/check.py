"""The check: whether decoded pixels keep what a reader needs of the original ones. It fails closed.

A frame that cannot be measured, an image of another shape, a number that is not finite, an error inside a measure, a
colour image that changed: each is a failed check with its reason, never a passed one and never an exception.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from medarchive.codecs.fidelity.limits import FidelityProfile, Limits
from medarchive.codecs.fidelity.measures import Frame, Pair
from medarchive.codecs.fidelity.verdict import Check, Verdict
from medarchive.codecs.fidelity.windows import Rescale
from medarchive.image import Image

__all__ = ["Decision", "judge", "passes"]

Decision = Callable[[Image], object]
"""Something that looks at an image and says what it sees; what it says is compared with ``==``."""

_IDENTITY = Rescale()
_MOST_BITS = 16
_MOST_STEPS = 1 << 21
"""Stored values that an intercept may be worth: beyond it, single precision would round values."""


def judge(
    original: Image,
    decoded: Image,
    profile: FidelityProfile | None,
    *,
    rescale: Rescale = _IDENTITY,
    decision: Decision | None = None,
) -> Verdict:
    """Measure everything the profile has a limit for.

    Of several frames the worst counts, for each check by itself; its remark names the frame.

    Args:
        original: stored values.
        decoded: what a codec made of them.
        profile: None where the image's kind is not known, which fails.
        rescale: of both, to the unit that the profile's limits and windows are in.
        decision: must come to the same on both, for instance a classifier's answer.

    Returns:
        The verdict with all checks. It never raises on account of the images.

    Example:
        >>> import numpy as np
        >>> from medarchive.codecs.fidelity import judge, profile
        >>> image = Image(np.zeros((1, 8, 8, 1), np.uint8), 8)
        >>> judge(image, image, profile("mg")).passed
        True
        >>> judge(image, Image(image.pixels + 1, 8), profile("mg")).reasons
        ('changed values: 64, at most 0 is allowed (Mammography: lossless only)',)
    """
    worst: dict[str, Check] = {}
    for check in _checks(original, decoded, profile, rescale, decision):
        before = worst.get(check.name)
        if before is None or (not check.passed, check.strain) > (not before.passed, before.strain):
            worst[check.name] = check
    return Verdict(profile.name if profile else "", tuple(worst.values()))


def passes(
    original: Image,
    decoded: Image,
    profile: FidelityProfile | None,
    *,
    rescale: Rescale = _IDENTITY,
    decision: Decision | None = None,
) -> bool:
    """Whether ``judge`` would pass it; it stops at the first check that fails, and the cheap ones come first."""
    return all(check.passed for check in _checks(original, decoded, profile, rescale, decision))


def _checks(
    original: Image, decoded: Image, profile: FidelityProfile | None, rescale: Rescale, decision: Decision | None
) -> Iterator[Check]:
    """Every check of every frame, at least one in all."""
    if profile is None:
        yield Check("profile", float("nan"), remark="no profile for this modality: name one, or keep it lossless")
        return
    kind = _kind(original, decoded)
    yield kind
    if not kind.passed:
        return
    obstacle = _only_lossless(original, profile, rescale)
    if obstacle or profile.limits is None:
        yield _identical(original, decoded, obstacle)
    else:
        try:
            for at in range(len(original)):
                for check in _frame(original, decoded, at, profile, profile.limits, rescale):
                    yield _of_frame(check, at) if len(original) > 1 else check
        except Exception as error:  # noqa: BLE001  # a measure that fails must fail the image, not the caller
            yield Check("measured", float("nan"), remark=f"{type(error).__name__}: {error}")
    if decision is not None:
        yield _decided(original, decoded, decision)


def _of_frame(check: Check, at: int) -> Check:
    return replace(check, remark=f"frame {at}, {check.remark}" if check.remark else f"frame {at}")


def _kind(original: Image, decoded: Image) -> Check:
    """Whether they are images of one kind."""
    a, b = original.pixels, decoded.pixels
    same = a.shape == b.shape and a.dtype == b.dtype and original.bits == decoded.bits
    remark = "" if same else f"{a.shape} {a.dtype} {original.bits} bits, then {b.shape} {b.dtype} {decoded.bits} bits"
    return Check("other shape, type or bits", 0 if same else 1, most=0, remark=remark)


def _only_lossless(original: Image, profile: FidelityProfile, rescale: Rescale) -> str:
    """Why nothing may be lost; "" where something may."""
    if profile.lossless_only:
        return f"{profile.title}: lossless only"
    if original.pixels.shape[3] > 1:
        return "colour: lossless only"
    if original.bits > _MOST_BITS:
        return f"{original.bits} bits: lossless only"
    sound = bool(np.isfinite((rescale.slope, rescale.intercept)).all()) and rescale.slope != 0
    if not sound or abs(rescale.intercept) > _MOST_STEPS * abs(rescale.slope):
        return f"slope {rescale.slope}, intercept {rescale.intercept}: lossless only"
    if profile.unit not in ("", rescale.unit):
        return f"values are not known to be {profile.unit}: lossless only"
    return ""


def _identical(original: Image, decoded: Image, remark: str) -> Check:
    changed = int(np.count_nonzero(original.pixels != decoded.pixels))
    return Check("changed values", changed, most=0, remark=remark)


def _decided(original: Image, decoded: Image, decision: Decision) -> Check:
    """Whether someone who decides comes to the same."""
    try:
        before, after = decision(original), decision(decoded)
        same = bool(before == after)
        remark = "" if same else f"{before!r} became {after!r}"
    except Exception as error:  # noqa: BLE001  # a decision that cannot be made is a changed one
        return Check("decision", float("nan"), most=0, remark=f"{type(error).__name__}: {error}")
    return Check("decision", 0 if same else 1, most=0, remark=remark)


def _frame(
    original: Image, decoded: Image, at: int, profile: FidelityProfile, limits: Limits, rescale: Rescale
) -> Iterator[Check]:
    """All checks of a frame, cheap ones first."""
    frame = Frame.of(original.pixels[at, :, :, 0], rescale, profile.air)
    pair = Pair(frame, decoded.pixels[at, :, :, 0], rescale)
    noise, one, unit = frame.terrain.noise, pair.unit, rescale.unit
    peak = frame.own.width if profile.peak is None else profile.peak
    named = "own window" if profile.peak is None else "fixed"
    for name, measure, bound in (
        ("max error", pair.max_error, limits.max_error),
        ("error, rms", pair.rms, limits.rms),
        ("bias", pair.bias, limits.bias),
        ("worst 3 x 3 mean", pair.detail, limits.detail),
        ("worst 8 x 8 block, rms", pair.block, limits.block),
        ("worst 16 x 16 mean", pair.region, limits.region),
        ("error, 99.9th percentile", pair.p999, limits.p999),
        ("widest step", pair.steps, limits.steps),
    ):
        yield Check(name, measure(), most=bound.of(noise, one), unit=unit)
    yield Check("psnr", pair.psnr(peak), least=limits.psnr, unit="dB", remark=f"peak {peak:.5g}, {named}")
    yield Check("contrast kept", pair.contrast(), *limits.contrast)
    yield Check("error at edges, correlation", pair.edges(), most=limits.edges)
    mid, high, local = pair.textures()
    yield Check("texture kept, middle band", mid, *limits.mid)
    yield Check("texture kept, upper band", high, *limits.high)
    yield Check("texture kept, worst tenth", local, least=limits.local)
    for seen in profile.windows:
        single, multi = pair.alike(frame.window(seen.window))
        yield Check(f"ssim {seen.window}", single, least=seen.ssim)
        yield Check(f"ms-ssim {seen.window}", multi, least=seen.ms_ssim)
