"""Lossy: by quality and by fidelity profile, through the library's front door."""

import json
from typing import Any

import numpy as np
import pytest

import medarchive
from medarchive.codecs import fidelity, rate
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import Rescale, Verdict
from medarchive.errors import CorruptStream, SettingsError, UnsupportedImage
from medarchive.image import Image

CHEST, HU = fidelity.profile("ct-chest"), Rescale(1.0, 0.0, "HU")


def slice_in_hu(side: int = 128, seed: int = 1) -> np.ndarray:
    """A body in air, with lungs, in HU, and noise of 12 HU that has a grain."""
    random = np.random.default_rng(seed)
    y, x = (np.mgrid[:side, :side] - side / 2) / (side / 2)
    values = np.where(x * x + 1.6 * y * y < 0.8, 40.0, -1000)
    for centre in (-0.4, 0.4):
        values = np.where(((x - centre) / 0.3) ** 2 + (y / 0.45) ** 2 < 1, -850, values)
    values = np.where((x / 0.1) ** 2 + ((y - 0.45) / 0.1) ** 2 < 1, 700, values)
    grain = random.normal(0, 12, (side + 1, side + 1))
    grain = (grain[1:, 1:] + grain[:-1, 1:] + grain[1:, :-1] + grain[:-1, :-1]) / 2
    return np.rint(np.maximum(values + grain, -1024)).astype(np.int16)


def test_quality_is_continuous_and_bits_and_fidelity_grow_with_it() -> None:
    array = slice_in_hu()
    sizes, errors = [], []
    for quality in (1, 20, 40.5, 60, 80, 100):
        data = medarchive.encode(array, quality=quality)
        decoded = medarchive.decode(data)
        assert decoded.dtype == array.dtype
        assert decoded.shape == array.shape
        seen = medarchive.inspect(data)
        assert (seen.codec, seen.max_error) == ("autoencoder", 0)
        assert seen.worst_error == np.abs(decoded.astype(int) - array).max() > 0
        assert json.loads(seen.report)["changed"] == np.count_nonzero(decoded != array)
        sizes.append(len(data))
        errors.append(float(np.square(decoded.astype(float) - array).mean()))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[0] < 0.1 * sizes[-1]


def test_frames_and_samples_are_kept_apart() -> None:
    frames = np.stack([slice_in_hu(64, seed) for seed in range(3)])
    data = medarchive.encode(frames, quality=70)
    decoded = medarchive.decode(data)
    assert decoded.shape == frames.shape
    for each in range(3):
        alone = medarchive.decode(medarchive.encode(frames[each], quality=70))
        assert np.array_equal(decoded[each], alone)
    colours = np.stack([frames[each] % 256 for each in range(3)], axis=-1)[np.newaxis].astype(np.uint8)
    assert medarchive.decode(medarchive.encode(colours, quality=90)).shape == colours.shape


@pytest.mark.parametrize(
    "asked",
    [
        {"quality": 0.5},
        {"quality": 100.5},
        {"quality": float("nan")},
        {"quality": 50, "max_error": 2},
        {"quality": 50, "profile": "ct-chest"},
        {"profile": "ct-chest", "max_error": 1},
        {"quality": 50, "codec": "jpegxl"},
        {"quality": 50, "codec": ["autoencoder", "jpegxl"]},
        {"profile": "ct-chest", "codec": "predictive"},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedImage):
        medarchive.encode(slice_in_hu(32), **asked)


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"ct-knee.*ct-chest"):
        medarchive.encode(slice_in_hu(32), profile="ct-knee")


def test_an_image_that_the_codec_does_not_take_is_refused() -> None:
    with pytest.raises(UnsupportedImage):
        medarchive.encode(np.arange(1 << 18, (1 << 18) + 64).reshape(8, 8), quality=50)


def test_bounded_streams_have_a_preview() -> None:
    array = slice_in_hu()
    for max_error in (0, 3):
        data = medarchive.encode(array, codec="autoencoder", max_error=max_error)
        assert np.abs(medarchive.decode(data).astype(int) - array).max() <= max_error
        preview = medarchive.preview(data)
        assert preview.shape == array.shape
        assert preview.dtype == array.dtype
        missed = np.abs(preview.astype(int) - array)
        assert max_error < missed.max()
        assert missed.mean() < 40
    whole = medarchive.encode(array, codec="jpegxl")
    assert np.array_equal(medarchive.preview(whole), array)


def test_a_preview_of_damaged_bytes_is_refused() -> None:
    data = bytearray(medarchive.encode(slice_in_hu(48), codec="autoencoder"))
    data[len(data) // 3] ^= 4
    with pytest.raises(CorruptStream):
        medarchive.preview(bytes(data))


def opened(data: bytes) -> Container:
    return Container.open(lambda offset, length: data[offset : offset + length], len(data))


def test_to_a_profile_is_smaller_than_lossless_and_passes_it() -> None:
    array = slice_in_hu(192)
    data = medarchive.encode(array, profile="ct-chest")
    lossless = medarchive.encode(array)
    assert len(data) < 0.7 * len(lossless)
    decoded = medarchive.decode(data).astype(np.int16)
    before, after = (Image(each[np.newaxis, ..., np.newaxis], 16) for each in (array, decoded))
    verdict = fidelity.judge(before, after, CHEST, rescale=HU)
    assert verdict.passed, verdict.reasons


def test_the_smaller_of_lossy_and_bounded_is_kept() -> None:
    image = Image(slice_in_hu(192)[np.newaxis, ..., np.newaxis], 13)
    chosen = rate.smallest(image, CHEST, rescale=HU)
    sizes = dict(chosen.tried)
    assert chosen.how in ("lossy", "bounded")
    assert len(chosen.container) == min(size for size in sizes.values() if size)
    container = opened(chosen.container)
    decoded = container.frames(0, 0, 1)
    assert int(np.abs(decoded.pixels.astype(int) - image.pixels).max()) == chosen.max_error > 0
    assert chosen.verdict.passed
    if chosen.how == "lossy":
        kept = json.loads(container.entries[0].report)
        assert kept["max_error"] == chosen.max_error
        assert Verdict.unpacked(json.dumps(kept["verdict"]).encode()).passed


def test_the_rescale_says_what_a_stored_unit_is() -> None:
    """Half HU a unit: the same profile leaves more units of error."""
    array = slice_in_hu(128)
    image = Image((2 * array)[np.newaxis, ..., np.newaxis], 14)
    finer = rate.smallest(image, CHEST, rescale=Rescale(0.5, 0.0, "HU"))
    plain = rate.smallest(Image(array[np.newaxis, ..., np.newaxis], 13), CHEST, rescale=HU)
    assert finer.how != "lossless"
    assert finer.max_error > plain.max_error


def test_a_decision_that_changes_is_never_passed() -> None:
    image = Image(slice_in_hu(96)[np.newaxis, ..., np.newaxis], 13)
    chosen = rate.smallest(image, CHEST, rescale=HU, decision=lambda seen: seen.pixels.tobytes())
    assert chosen.how == "lossless"
    assert chosen.max_error == 0
    assert opened(chosen.container).frames(0, 0, 1) == image


def test_values_of_no_known_unit_lose_nothing() -> None:
    image = Image(slice_in_hu(96)[np.newaxis, ..., np.newaxis], 13)
    chosen = rate.smallest(image, CHEST)
    assert chosen.how == "lossless"
    assert opened(chosen.container).frames(0, 0, 1) == image


@pytest.mark.parametrize("name", ["mg", "pt", "nm"])
def test_where_nothing_may_be_lost_nothing_is(name: str) -> None:
    array = slice_in_hu(64)
    assert np.array_equal(medarchive.decode(medarchive.encode(array, profile=name)), array)


def test_the_last_good_number_is_found() -> None:
    for limit in (0, 1, 2, 5, 8, 63, 64, 100):
        assert rate._last(range(limit + 1).__contains__, 64) == min(limit, 64)
