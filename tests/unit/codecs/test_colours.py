"""Colours: samples packed together, each by itself, or a palette."""

import numpy as np
import pytest
import zstandard

from medarchive.codecs import registry
from medarchive.codecs.predictive import colours, model
from medarchive.codecs.predictive.colours import Palette, Samples
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream
from medarchive.image import Image

RANDOM = np.random.default_rng(1)
FEW = RANDOM.integers(-30000, 30000, (9, 3)).astype(np.int16)[RANDOM.integers(0, 9, (2, 20, 20))]
LIKE = RANDOM.integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
UNLIKE = (LIKE // [1, 1, 100]).astype(np.uint8)


def palette(table: np.ndarray, *, count: int | None = None, steps: bytes | None = None) -> bytes:
    """The bytes of a palette, as they should be or not."""
    if steps is None:
        steps = np.diff(table.astype("<i4"), axis=0, prepend=np.int32(0)).T.tobytes()
    frame = zstandard.ZstdCompressor().compress(steps)
    return b"\2" + varint(len(table) if count is None else count) + blob(frame)


def stream(image: Image, way: bytes, rest: bytes = b"") -> bytes:
    return model.load().identity + ImageSpec.of(image, len(image)).packed() + way + rest


@pytest.mark.parametrize("pixels", [FEW, LIKE, UNLIKE, LIKE[..., :1]], ids=["few", "like", "unlike", "one"])
def test_every_way_comes_back(pixels: np.ndarray) -> None:
    for way in colours.ways(pixels):
        planes = way.planes(pixels)
        assert planes.shape[1] == len(way.highest)
        assert (planes.max(axis=(0, 2, 3)) <= way.highest).all()
        assert planes.max() == max(way.highest)
        assert planes.min() >= 0
        reader = Reader(way.packed())
        back = colours.read(reader, pixels.shape[3])
        assert reader.left == 0
        assert back.highest == way.highest
        assert np.array_equal(back.pixels(planes), pixels)
        assert back.range() == way.range()
        assert way.range()[0] <= pixels.min() <= pixels.max() <= way.range()[1]


def test_which_ways_there_are() -> None:
    assert [type(way) for way in colours.ways(FEW)] == [Samples, Palette]
    together, each = colours.ways(LIKE), colours.ways(UNLIKE)
    assert [way.packed()[0] for way in (*together, *each)] == [0, 1]
    assert each[0].highest[2] == 2
    four = np.repeat(FEW, 2, axis=3)[..., :4]
    assert [type(way) for way in colours.ways(four)] == [Samples]  # no palette of four samples


@pytest.mark.parametrize("pixels", [FEW, LIKE, UNLIKE, np.repeat(FEW, 2, axis=3)[..., :4]])
def test_every_image_comes_back(pixels: np.ndarray) -> None:
    image = Image(pixels, 8 * pixels.dtype.itemsize)
    codec = registry.get("predictive")
    assert codec.decode(codec.encode(image, effort=1)) == image


def test_a_palette_where_there_are_few_colours() -> None:
    """One plane of numbers, not three of samples that say the same."""
    small = FEW[:1]
    image, codec = Image(np.ascontiguousarray(small), 16), registry.get("predictive")
    head = len(model.load().identity + ImageSpec.of(image, 1).packed())
    found = codec.encode(image, effort=1)
    assert found[head] == 2
    assert len(found) < 350  # 400 pixels of nine colours, and the colours


def test_a_decoder_takes_65536_colours() -> None:
    numbers = np.arange(1 << 16)
    table = np.stack([numbers & 0xFF, numbers >> 8, numbers % 251], axis=1)
    reader = Reader(palette(table))
    found = colours.read(reader, 3)
    assert found.highest == [65535]
    pixels = found.pixels(numbers.reshape(1, 1, 256, 256).astype(np.int32))
    assert np.array_equal(pixels.reshape(-1, 3), table)
    image = Image(pixels.astype(np.uint8), 8)
    drawn = zstandard.ZstdCompressor().compress(numbers.astype("<u2").tobytes())
    assert registry.get("predictive").decode(stream(image, palette(table), b"\1" + drawn)) == image


GOOD = np.array([[0, 0, 0], [7, 8, 9]])


@pytest.mark.parametrize(
    "bad",
    [
        palette(GOOD, count=0),
        palette(GOOD, count=1),
        palette(GOOD, count=3),
        palette(GOOD, count=65536),
        palette(GOOD, count=65537),
        palette(GOOD, steps=b""),
        palette(GOOD, steps=bytes(23)),
        palette(GOOD)[:-1],
        palette(GOOD)[:3],
        palette(np.array([[0, 0, 0], [7, 8, 256]])),
        palette(np.array([[0, 0, 0], [7, 8, -1]])),
        b"\2\2" + blob(b"no frame"),
        b"\3" + palette(GOOD)[1:],
        # a frame that says it holds 2^40 bytes
        b"\2\2" + blob(b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + bytes(8)),
    ],
)
def test_a_damaged_palette_is_refused(bad: bytes) -> None:
    image, codec = Image(GOOD.astype(np.uint8).reshape(1, 1, 2, 3), 8), registry.get("predictive")
    drawn = b"\1" + zstandard.ZstdCompressor().compress(b"\0\1")
    assert codec.decode(stream(image, palette(GOOD), drawn)) == image
    with pytest.raises(CorruptStream):
        codec.decode(stream(image, bad, drawn))


def test_a_palette_of_four_samples_is_refused() -> None:
    image = Image(np.zeros((1, 1, 2, 4), np.uint8), 8)
    with pytest.raises(CorruptStream, match="4 samples"):
        registry.get("predictive").decode(stream(image, palette(np.zeros((2, 4)))))
