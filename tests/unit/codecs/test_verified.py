import io
import sys

import numpy as np
import pytest

from contracts.codec_suite import image
from medarchive.codecs import registry, verified
from medarchive.codecs.base import DEFAULT_EFFORT, Codec
from medarchive.codecs.container import Container
from medarchive.codecs.zstd import ZstdPlanes
from medarchive.errors import CodecError, UnknownCodec, UnsupportedImage
from medarchive.image import Image


class Broken(ZstdPlanes):
    """Smaller than everything, and wrong."""

    name = "broken"

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        return b""

    def decode(self, data: bytes) -> Image:
        return Image(np.zeros((1, 64, 64, 1), np.uint16), 12)


class Falling(ZstdPlanes):
    """Falls over on the frames that it does not like."""

    name = "falling"

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        if image.pixels.max() == 77:
            raise ZeroDivisionError("a fault in a codec")
        return super().encode(image, effort=1)


class Counting(ZstdPlanes):
    """Counts what it is asked to encode."""

    name = "counting"

    def __init__(self) -> None:
        self.encoded: list[int] = []

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        self.encoded.append(int(image.pixels[0, 0, 0, 0]))
        return super().encode(image, effort=9)


@pytest.fixture(autouse=True)
def _with_bad_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = registry.get
    bad: dict[str, Codec] = {"broken": Broken(), "falling": Falling()}
    monkeypatch.setattr(registry, "get", lambda name: bad.get(name) or found(name))


def encode(original: Image, *codecs: str, max_error: int = 0, workers: int = 1) -> tuple[verified.Verified, Image]:
    out = io.BytesIO()
    result = verified.encode([original], out, codecs=codecs, max_error=max_error, workers=workers)
    data = out.getvalue()
    assert result.size == len(data)
    container = Container.open(lambda offset, length: data[offset : offset + length], len(data))
    return result, container.frames(0, 0, len(original))


def test_the_smallest_is_kept() -> None:
    original = image((2, 64, 64, 1), "u2", 12)
    result, decoded = encode(original, "zstd-planes", "jpegxl")
    sizes = {name: encode(original, name)[0].size for name in ("zstd-planes", "jpegxl")}
    assert result.size == min(sizes.values())
    assert decoded == original


def test_a_codec_that_decodes_wrongly_is_passed_over() -> None:
    original = image((1, 64, 64, 1), "u2", 12)
    result, decoded = encode(original, "broken", "zstd-planes")
    assert result.codec == "zstd-planes"
    assert decoded == original
    assert "error of" in dict(result.tried)["broken"]


def test_a_codec_that_falls_over_late_is_passed_over_and_leaves_nothing() -> None:
    pixels = np.full((40, 16, 16, 1), 5, np.uint16)
    pixels[39] = 77
    result, decoded = encode(Image(pixels, 12), "falling", "zstd-planes")
    assert result.codec == "zstd-planes"
    assert decoded == Image(pixels, 12)
    assert "ZeroDivisionError" in dict(result.tried)["falling"]


def test_a_codec_that_falls_over_beyond_what_was_compared_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified, "_TRIED_BYTES", 1)
    pixels = np.full((40, 16, 16, 1), 5, np.uint16)
    pixels[39] = 77
    result, decoded = encode(Image(pixels, 12), "falling", "zstd-planes")
    assert result.codec == "zstd-planes"
    assert decoded == Image(pixels, 12)


@pytest.mark.parametrize("compared", [1, 3 * 16 * 16 * 2, 1 << 20])
def test_no_stream_is_encoded_twice(monkeypatch: pytest.MonkeyPatch, compared: int) -> None:
    monkeypatch.setattr(verified, "_TRIED_BYTES", compared)
    counting = Counting()
    found = registry.get
    monkeypatch.setattr(registry, "get", lambda name: counting if name == "counting" else found(name))
    pixels = np.repeat(np.arange(10, dtype=np.uint16), 16 * 16).reshape(10, 16, 16, 1)
    images = [Image(pixels[:4], 12), Image(pixels[4:], 12)]
    out = io.BytesIO()
    result = verified.encode(images, out, codecs=("counting", "broken"))
    assert result.codec == "counting"
    assert counting.encoded == list(range(10))


def test_a_codec_whose_package_is_missing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medarchive.codecs.jpegxl", None)
    original = image((1, 16, 16, 1), "u2", 12)
    result, decoded = encode(original, "jpegxl", "zstd-planes")
    assert result.codec == "zstd-planes"
    assert decoded == original
    assert "cannot be used here" in dict(result.tried)["jpegxl"]
    with pytest.raises(UnknownCodec, match="install"):
        encode(original, "jpegxl")
    with pytest.raises(UnknownCodec, match="no codec 'jpgxl'"):
        encode(original, "jpgxl", "zstd-planes")


def test_where_nothing_passes_nothing_is_returned() -> None:
    with pytest.raises(CodecError, match="no codec's result passed"):
        encode(image((1, 64, 64, 1), "u2", 12), "broken")


def test_where_nothing_takes_the_image_it_says_so() -> None:
    with pytest.raises(UnsupportedImage, match="no codec takes"):
        encode(image((1, 8, 8, 1), "u4", 32), "jpegxl")


def test_values_beyond_the_bits_are_refused() -> None:
    with pytest.raises(UnsupportedImage, match="do not fit 8 bits"):
        encode(Image(np.full((1, 4, 4, 1), 300, np.uint16), 8), "zstd-planes")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_change_nothing(workers: int) -> None:
    original = image((9, 20, 20, 1), "i2", 14)
    alone, _ = encode(original, "jpegxl", "zstd-planes")
    several, decoded = encode(original, "jpegxl", "zstd-planes", workers=workers)
    assert (several.codec, several.size) == (alone.codec, alone.size)
    assert decoded == original


@pytest.mark.parametrize("max_error", [1, 2, 5, 100, 40000])
@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("i1", 8), ("u2", 12), ("i2", 16), ("u4", 32), ("i4", 32)])
def test_no_value_is_off_by_more_than_allowed(dtype: str, bits: int, max_error: int) -> None:
    original = image((1, 40, 40, 1), dtype, bits)
    if max_error > 1 << 15:
        with pytest.raises(UnsupportedImage, match="max_error"):
            encode(original, "zstd-planes", max_error=max_error)
        return
    result, decoded = encode(original, "zstd-planes", max_error=max_error)
    error = np.abs(original.pixels.astype(np.int64) - decoded.pixels.astype(np.int64))
    assert int(error.max()) == result.report.max_error <= max_error
    assert int(np.count_nonzero(error)) == result.report.changed
