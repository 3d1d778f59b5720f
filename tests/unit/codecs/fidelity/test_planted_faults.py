"""What must not pass does not, for the right reason; what an honest codec leaves does."""

import imagecodecs
import numpy as np
import pytest

from contracts.phantoms import HU, blurred, chest, head, stored, values
from medarchive.codecs.fidelity import Verdict, judge, passes, profile
from medarchive.codecs.quantise import dequantised, quantised
from medarchive.codecs.spec import ImageSpec
from medarchive.image import Image

CHEST, HEAD = profile("ct-chest"), profile("ct-head")


def failed(original: Image, decoded: Image, kind: str = "ct-chest") -> set[str]:
    """The names of the checks that failed."""
    verdict = judge(original, decoded, profile(kind), rescale=HU)
    assert verdict.passed is passes(original, decoded, profile(kind), rescale=HU)
    assert verdict.passed is not bool(verdict.reasons)
    return {check.name for check in verdict.checks if not check.passed}


def near(image: Image, max_error: int) -> Image:
    """What near-lossless coding leaves."""
    return dequantised(quantised(image, max_error), ImageSpec.of(image, len(image)), max_error)


def jpeg2000(image: Image, psnr: int) -> Image:
    """What JPEG 2000 with the irreversible 9/7 transform leaves."""
    data = imagecodecs.jpeg2k_encode(image.pixels[0, :, :, 0], level=psnr, codecformat="j2k", reversible=False)
    return Image(imagecodecs.jpeg2k_decode(data)[None, :, :, None], image.bits)


def test_the_same_passes_with_every_check_listed() -> None:
    verdict = judge(chest(), chest(), CHEST, rescale=HU)
    assert verdict.passed
    assert verdict.reasons == ()
    assert {"max error", "worst 8 x 8 block, rms", "ssim lung", "ms-ssim bone"} <= {c.name for c in verdict.checks}
    assert len(verdict.checks) == 15 + 2 * len(CHEST.windows)


@pytest.mark.parametrize("max_error", [1, 2, 3])
def test_a_small_uniform_error_passes(max_error: int) -> None:
    assert failed(chest(), near(chest(), max_error)) == set()


def test_a_uniform_error_as_strong_as_the_noise_does_not_pass() -> None:
    assert {"error, rms", "widest step"} <= failed(chest(), near(chest(), 24))


def test_jpeg_2000_passes_at_a_moderate_rate_and_not_at_a_low_one() -> None:
    assert failed(chest(), jpeg2000(chest(), 84)) == set()
    assert "texture kept, upper band" in failed(chest(), jpeg2000(chest(), 70))


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.5])
def test_blurring(sigma: float) -> None:
    found = failed(chest(), stored(blurred(values(chest()), sigma)))
    assert {"texture kept, upper band", "error at edges, correlation"} <= found


def test_smoothing_that_leaves_edges_alone() -> None:
    """A denoiser: even tissue is smoothed, edges and vessels stay as they are."""
    picture = values(chest())
    smooth = blurred(picture, 1)
    even = np.abs(picture - smooth) < 25
    assert {"texture kept, middle band", "texture kept, upper band"} <= failed(
        chest(), stored(np.where(even, smooth, picture))
    )


def test_smoothing_of_a_part() -> None:
    """A denoiser at work in the heart alone: the rest of the image keeps the average up."""
    picture = values(chest())
    smooth = blurred(picture, 1)
    even = np.abs(picture - smooth) < 20
    even[:95] = even[150:] = even[:, :110] = even[:, 175:] = False
    found = failed(chest(), stored(np.where(even, smooth, picture)))
    assert "texture kept, worst tenth" in found
    assert "texture kept, middle band" not in found


def test_ringing() -> None:
    """Edges that swing: the upper frequencies of the anatomy cut off sharply, the noise as it was."""
    picture = values(chest())
    anatomy = blurred(picture, 1.2)
    radius = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    swinging = np.fft.ifft2(np.fft.fft2(anatomy) * (radius < 0.12)).real
    found = failed(chest(), stored(picture - anatomy + swinging))
    assert {"error at edges, correlation", "worst 3 x 3 mean"} <= found
    assert "bias" not in found


def test_a_nodule_of_three_pixels_that_is_gone() -> None:
    without = values(chest())
    row, column = 128, 78
    assert without[row - 4 : row + 5, column - 4 : column + 5].mean() < -700, "it should lie in a lung"
    with_it = without.copy()
    with_it[row - 1 : row + 2, column - 1 : column + 2] += 100
    found = failed(stored(with_it), near(stored(without), 2))
    assert {"worst 3 x 3 mean", "worst 8 x 8 block, rms"} <= found
    assert "error, rms" not in found
    assert "psnr" not in found


def test_three_pixels_that_are_gone() -> None:
    with_it = values(chest())
    with_it[128, 77:80] += 100
    found = failed(stored(with_it), chest())
    assert {"max error", "worst 8 x 8 block, rms"} <= found


@pytest.mark.parametrize("shift", [1, -1, 3])
def test_a_shifted_mean(shift: int) -> None:
    assert "bias" in failed(chest(), stored(values(chest()) + shift))


def test_swapped_slices_and_the_frame_is_named() -> None:
    image = chest(4)
    swapped = Image(image.pixels[[0, 2, 1, 3]], 12)
    verdict = judge(image, swapped, CHEST, rescale=HU)
    assert not verdict.passed
    assert any("max error" in reason and ("frame 1" in reason or "frame 2" in reason) for reason in verdict.reasons)
    assert judge(image, near(image, 2), CHEST, rescale=HU).passed


def test_one_bad_frame_of_many() -> None:
    image = chest(4)
    pixels = image.pixels.copy()
    pixels[3] = stored(blurred(values(image, 3), 1)).pixels[0]
    verdict = judge(image, Image(pixels, 12), CHEST, rescale=HU)
    assert verdict.reasons
    assert all("frame 3" in reason for reason in verdict.reasons)


def test_contrast_between_grey_and_white_matter_lost() -> None:
    """Nothing that PSNR or a wide window shows: two HU of seven, where a stroke is read."""
    verdict = judge(head(grey_white=7), head(grey_white=5), HEAD, rescale=HU)
    failing = {check.name for check in verdict.checks if not check.passed}
    assert "worst 16 x 16 mean" in failing
    passing = {check.name for check in verdict.checks if check.passed}
    assert {"psnr", "ssim bone", "ms-ssim bone", "contrast kept", "max error"} <= passing


def test_a_difference_that_shows_in_one_window_only() -> None:
    """What lies within the brain window is drawn in eight shades."""
    picture = values(head())
    inside = (picture > 0) & (picture < 80)
    shaded = np.where(inside, np.floor(picture / 10) * 10 + 5, picture)
    verdict = judge(head(), stored(shaded), HEAD, rescale=HU)
    failing = {check.name for check in verdict.checks if not check.passed}
    assert {"ssim brain", "ssim stroke", "widest step"} <= failing
    assert failing.isdisjoint({"psnr", "ssim bone", "ms-ssim bone", "max error"})


@pytest.mark.parametrize("bit", [4, 5, 6])
def test_banding_from_a_lost_bit(bit: int) -> None:
    cleared = Image(chest().pixels & np.uint16(0xFFFF ^ (1 << bit)), 12)
    assert {"widest step", "bias"} <= failed(chest(), cleared)


def test_banding_without_a_bias() -> None:
    """Rounded to every 24th value: no error is too large, only the steps give it away."""
    assert failed(chest(), stored(np.rint(values(chest()) / 24) * 24)) == {"widest step"}


@pytest.mark.parametrize("value", [0, 1024, 4095])
def test_blank_output(value: int) -> None:
    found = failed(chest(), Image(np.full_like(chest().pixels, value), 12))
    assert {"contrast kept", "max error", "psnr", "ssim lung", "texture kept, middle band"} <= found


def test_noise_that_was_made_up() -> None:
    """Texture of the right strength that is not the patient's."""
    picture = values(chest())
    rng = np.random.default_rng(3)
    invented = blurred(picture, 1) + rng.permutation((picture - blurred(picture, 1)).ravel()).reshape(picture.shape)
    assert "error, rms" in failed(chest(), stored(invented))


def test_a_verdict_is_small() -> None:
    verdict = judge(chest(), near(chest(), 2), CHEST, rescale=HU)
    assert len(verdict.packed()) < 2000
    assert Verdict.unpacked(verdict.packed()).passed
