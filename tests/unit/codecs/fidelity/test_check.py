"""The check fails closed, and says what was wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.phantoms import HU, chest, coloured_noise
from medarchive.codecs.fidelity import PROFILES, Rescale, Verdict, judge, passes, profile
from medarchive.codecs.fidelity.limits import Seen
from medarchive.image import Image

CHEST = profile("ct-chest")


def textured(shape: tuple[int, int] = (128, 128), bits: int = 12, seed: int = 1) -> Image:
    picture = 1500 + 400 * np.sin(np.arange(shape[1]) / 20)[None, :] + coloured_noise(shape, 15, seed)
    return Image(np.clip(np.rint(picture), 0, 4095).astype(np.uint16)[None, :, :, None], bits)


def changed(image: Image, by: int = 1, at: tuple[int, ...] = (0, 60, 60, 0)) -> Image:
    pixels = image.pixels.copy()
    pixels[at] += by
    return Image(pixels, image.bits)


def only_reason(verdict: Verdict) -> str:
    assert not verdict.passed
    assert len(verdict.reasons) == 1
    return verdict.reasons[0]


@pytest.mark.parametrize(
    "decoded",
    [
        Image(chest().pixels[:, :-1], 12),
        Image(chest().pixels.astype(np.int16), 12),
        Image(chest().pixels, 13),
        Image(np.repeat(chest().pixels, 2, axis=0), 12),
    ],
)
def test_another_shape_type_or_depth(decoded: Image) -> None:
    verdict = judge(chest(), decoded, CHEST, rescale=HU)
    assert "other shape, type or bits" in only_reason(verdict)
    assert str(decoded.pixels.shape) in only_reason(verdict)
    assert not passes(chest(), decoded, CHEST, rescale=HU)


def test_no_profile() -> None:
    assert "no profile" in only_reason(judge(chest(), chest(), None, rescale=HU))
    assert not passes(chest(), chest(), None, rescale=HU)


@pytest.mark.parametrize("name", ["nm", "pt", "mg", "lossless"])
def test_lossless_only(name: str) -> None:
    assert judge(textured(), textured(), profile(name)).passed
    reason = only_reason(judge(textured(), changed(textured()), profile(name)))
    assert reason.startswith("changed values: 1, at most 0 is allowed")
    assert "lossless only" in reason


@pytest.mark.parametrize(
    ("rescale", "why"),
    [
        (Rescale(1, -1024), "not known to be HU"),
        (Rescale(math.nan, 0, "HU"), "slope nan"),
        (Rescale(0, 0, "HU"), "slope 0"),
        (Rescale(1, math.inf, "HU"), "intercept inf"),
        (Rescale(1e-4, -1024, "HU"), "slope 0.0001"),
    ],
)
def test_values_without_a_known_scale_are_kept_lossless(rescale: Rescale, why: str) -> None:
    assert judge(chest(), chest(), CHEST, rescale=rescale).passed
    assert why in only_reason(judge(chest(), changed(chest()), CHEST, rescale=rescale))


def test_colour_and_deep_images_are_kept_lossless() -> None:
    colour = Image(np.random.default_rng(1).integers(0, 255, (1, 64, 64, 3)).astype(np.uint8), 8)
    assert judge(colour, colour, profile("us")).passed
    assert "colour" in only_reason(judge(colour, changed(colour, at=(0, 1, 1, 1)), profile("us")))
    deep = Image(textured().pixels.astype(np.uint32), 20)
    assert "20 bits" in only_reason(judge(deep, changed(deep), profile("mr")))


def test_an_error_inside_a_measure_fails() -> None:
    broken = replace(CHEST, windows=(Seen("no such window", 0, 0),))
    assert "KeyError" in only_reason(judge(chest(), chest(), broken, rescale=HU))


def test_what_cannot_be_measured_fails() -> None:
    """No tile of this image counts: there is no texture to compare."""
    flat = Image(np.full((1, 64, 64, 1), 100, np.uint16), 12)
    assert judge(flat, flat, profile("mr")).passed
    verdict = judge(flat, changed(flat), profile("mr"))
    assert any("texture kept, upper band: not measured" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 9, 16, 20])
def test_small_images_are_judged(side: int) -> None:
    image = Image(textured().pixels[:, :side, :side], 12)
    assert judge(image, image, profile("mr")).passed
    assert not judge(image, changed(image, 500, (0, side // 2, side // 2, 0)), profile("mr")).passed


def test_the_decision_must_not_change() -> None:
    def looks_at_the_mean(image: Image) -> str:
        return "large" if image.pixels[0, 60, 60, 0] > textured().pixels[0, 60, 60, 0] else "small"

    same = judge(textured(), textured(), profile("mr"), decision=looks_at_the_mean)
    assert same.passed
    assert same.checks[-1].name == "decision"
    verdict = judge(textured(), changed(textured()), profile("mr"), decision=looks_at_the_mean)
    assert only_reason(verdict) == "decision: 1, at most 0 is allowed ('small' became 'large')"
    assert not passes(textured(), changed(textured()), profile("mr"), decision=looks_at_the_mean)


def test_a_decision_that_fails_or_cannot_be_compared() -> None:
    def fails(_: Image) -> object:
        raise RuntimeError("no weights")

    assert "RuntimeError: no weights" in only_reason(judge(textured(), textured(), profile("mr"), decision=fails))
    arrays = judge(textured(), textured(), profile("mr"), decision=lambda image: image.pixels[0, 0])
    assert "ValueError" in only_reason(arrays)


def test_turning_grey_round_changes_nothing() -> None:
    """MONOCHROME1 is MONOCHROME2 upside down: the same errors, the same verdict."""
    image, decoded = textured(), Image(textured().pixels // 7 * 7 + 3, 12)
    turned, also = (Image((4095 - one.pixels).astype(np.uint16), 12) for one in (image, decoded))
    upright, upside_down = judge(image, decoded, profile("cr")), judge(turned, also, profile("cr"))
    for one, other in zip(upright.checks, upside_down.checks, strict=True):
        if not one.name.startswith(("ssim", "ms-ssim")):  # whose luminance term knows black from white
            assert one.value == pytest.approx(other.value, rel=1e-3, abs=1e-3), one.name
        assert one.passed is other.passed


def test_a_constant_border_does_not_hide_lost_texture() -> None:
    """Padding is neither signal nor noise: three quarters of it leave what the check sees in the rest."""
    inner = textured((128, 128))
    smooth = Image(np.rint(_smoothed(inner)).astype(np.uint16)[None, :, :, None], 12)
    padded, also = (Image(np.pad(one.pixels, ((0, 0), (64, 64), (64, 64), (0, 0))), 12) for one in (inner, smooth))
    for original, decoded in ((inner, smooth), (padded, also)):
        names = {check.name for check in judge(original, decoded, profile("mr")).checks if not check.passed}
        assert {"texture kept, middle band", "texture kept, upper band"} <= names


def _smoothed(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    field = np.pad(image.pixels[0, :, :, 0].astype(float), 1, mode="edge")
    return np.asarray(sum(field[y : y + 128, x : x + 128] for y in range(3) for x in range(3)) / 9)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(sorted(PROFILES)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 2),
    st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4"]),
    st.integers(0, 1000),
)
def test_whatever_it_is_the_same_passes(name: str, rows: int, columns: int, frames: int, dtype: str, seed: int) -> None:
    info = np.iinfo(dtype)
    pixels = np.random.default_rng(seed).integers(info.min, info.max, (frames, rows, columns, 1), dtype)
    image = Image(pixels, info.bits)
    assert judge(image, image, profile(name), rescale=Rescale(1, 0, "HU")).reasons == ()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(0, 1000))
def test_more_error_never_helps(times: int, seed: int) -> None:
    """The errors of a frame made larger strain every limit on errors more."""
    image, rng = textured(), np.random.default_rng(seed)
    error = rng.integers(-3, 4, image.pixels.shape)
    less, more = (Image((image.pixels + error * by).astype(np.uint16), 12) for by in (1, times + 1))
    one, other = ({c.name: c for c in judge(image, each, profile("mr")).checks} for each in (less, more))
    for name in ("max error", "error, rms", "worst 8 x 8 block, rms", "worst 3 x 3 mean", "error, 99.9th percentile"):
        assert other[name].value > one[name].value
        assert other[name].most == one[name].most
    assert other["psnr"].value < one["psnr"].value
