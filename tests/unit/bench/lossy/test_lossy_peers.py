"""The lossy contenders: bytes grow with the setting, and so does quality; peers and ours give images back."""

from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest

from medarchive.bench.lossy.contenders import BOUNDS, Bounded, Learned, Lossless, Lossy
from medarchive.bench.lossy.peers import LOSSY_PEERS, bare_codestream, lossy_peer
from medarchive.bench.lossy.run import lossy_contenders
from medarchive.codecs import registry
from medarchive.codecs.fidelity import measure
from medarchive.codecs.lossy import LossyCodec
from medarchive.errors import UnknownCodec
from medarchive.image import Image


def textured(low: int, high: int, dtype: str, bits: int, size: int = 96) -> Image:
    y, x = np.mgrid[:size, :size]
    waves = np.sin(x / 7) + np.cos(y / 11) + 0.1 * np.random.default_rng(3).standard_normal((size, size))
    share = (waves - waves.min()) / (waves.max() - waves.min())
    return Image(np.rint(low + share * (high - low)).astype(dtype)[None, ..., None], bits)


IMAGES = [textured(-1024, 3000, "i2", 16), textured(0, 4095, "u2", 12), textured(0, 255, "u1", 8)]
SETTINGS = {"jpeg2000": (35.0, 60.0), "jpegxl-e7": (-2.0, 3.0)}


def rms(one: Image, other: Image) -> float:
    return float(np.sqrt(np.mean((one.pixels.astype(float) - other.pixels.astype(float)) ** 2)))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("name", LOSSY_PEERS)
def test_more_bytes_are_better_and_the_range_is_kept(name: str, image: Image) -> None:
    peer = lossy_peer(name)
    few, many = (peer.encode(image, setting) for setting in SETTINGS[name])
    assert len(few) < len(many) < image.pixels.nbytes
    coarse, fine = peer.decode(few, image), peer.decode(many, image)
    span = float(image.pixels.max()) - float(image.pixels.min())
    assert rms(image, fine) < rms(image, coarse) < 0.1 * span
    assert rms(image, fine) < 0.01 * span
    for decoded in (coarse, fine):
        assert (decoded.pixels.dtype, decoded.pixels.shape, decoded.bits) == (
            *(image.pixels.dtype, image.pixels.shape),
            image.bits,
        )
        assert decoded.pixels.min() >= image.pixels.min()
        assert decoded.pixels.max() <= image.pixels.max()


@pytest.mark.parametrize("name", LOSSY_PEERS)
def test_at_its_highest_setting_hardly_anything_is_lost(name: str) -> None:
    peer = lossy_peer(name)
    for image in IMAGES:
        decoded = peer.decode(peer.encode(image, peer.span[1]), image)
        assert measure(image, decoded).max_error <= {8: 1, 12: 7, 16: 7}[image.bits]  # of 255, 4095 and 4024


def test_values_that_lie_high_cost_jpeg2000_nothing() -> None:
    peer = lossy_peer("jpeg2000")
    low, high = textured(0, 500, "u2", 16), textured(60_000, 60_500, "u2", 16)
    assert peer.encode(low, 50) == peer.encode(high, 50)


def test_a_bare_codestream_decodes_to_the_same() -> None:
    values = IMAGES[1].pixels[0, :, :, 0]
    whole = bytes(imagecodecs.jpeg2k_encode(values, level=50, reversible=False, codecformat="j2k"))
    bare = bare_codestream(whole)
    assert b"OpenJPEG" in whole
    assert len(whole) - len(bare) == 2 + int.from_bytes(whole[whole.index(b"\xff\x64") + 2 :][:2])
    assert np.array_equal(imagecodecs.jpeg2k_decode(bare), imagecodecs.jpeg2k_decode(whole))


@pytest.mark.parametrize("bound", BOUNDS[:4])
def test_near_lossless_keeps_its_bound(bound: int) -> None:
    near = Bounded(registry.get("zstd-planes"), 1)
    for image in IMAGES:
        assert measure(image, near.decode(near.encode(image, -bound), image), bound).max_error == bound


def test_lossless_loses_nothing() -> None:
    codec = Lossless(registry.get("zstd-planes"), 1)
    for image in IMAGES:
        assert codec.decode(codec.encode(image, 0.0), image) == image


def test_colour_is_not_taken() -> None:
    colour = Image(np.zeros((1, 8, 8, 3), "u1"), 8)
    assert not any(lossy_peer(name).takes(colour) for name in LOSSY_PEERS)


class Rounding:
    """A codec with a knob for quality: it keeps as many bits as the quality has tens."""

    name = "rounding"
    group = 1
    quick = True

    def accepts(self, image: Image) -> bool:
        return image.bits == 16

    def encode(self, image: Image, *, max_error: int = 0, effort: int = 7) -> bytes:
        return self.encode_lossy(image, quality=100, effort=effort)

    def encode_lossy(self, image: Image, *, quality: float, effort: int = 7) -> bytes:
        dropped = round(10 - quality / 10)
        return bytes([dropped]) + registry.get("zstd-planes").encode(Image(image.pixels >> dropped, 16))

    def decode(self, data: bytes) -> Image:
        return Image(registry.get("zstd-planes").decode(data[1:]).pixels << data[0], 16)


def test_a_codec_with_a_knob_is_driven_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(Rounding(), LossyCodec)
    assert not isinstance(registry.get("jpegxl"), LossyCodec)
    learned: Lossy = Learned(Rounding(), 7)
    image = IMAGES[0]
    assert [learned.takes(each) for each in IMAGES] == [True, False, False]
    assert measure(image, learned.decode(learned.encode(image, 60.0), image)).max_error == 15
    get: Callable[[str], object] = registry.get
    monkeypatch.setattr(registry, "get", lambda name: Rounding() if name == "jpegxl" else get(name))
    assert "rounding" in [each.name for each in lossy_contenders()[0]]


def test_who_is_measured() -> None:
    everyone, missing = lossy_contenders()
    names = [each.name for each in everyone]
    assert {"predictive near-lossless", *LOSSY_PEERS} <= set(names)
    assert "zstd-planes near-lossless" not in names
    assert missing == []
    named, _ = lossy_contenders(["zstd-planes", "jpeg2000"], lossless=True)
    assert [each.name for each in named] == ["zstd-planes lossless", "zstd-planes near-lossless", "jpeg2000"]
    with pytest.raises(UnknownCodec, match="jpeg2000"):
        lossy_contenders(["mp3"])
