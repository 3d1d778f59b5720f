import tracemalloc

import numpy as np
import pytest
import zstandard

from contracts.codec_suite import CodecSuite, image
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.zstd import ZstdPlanes
from medarchive.errors import CodecError
from medarchive.image import Image


class TestZstdPlanes(CodecSuite):
    name = "zstd-planes"
    takes_samples = (1, 2, 3, 4)
    most_bits = 32


def test_one_bit_images_are_packed() -> None:
    mask = Image(np.random.default_rng(0).integers(0, 2, (1, 100, 100, 1)).astype(np.uint8), 1)
    assert len(ZstdPlanes().encode(mask)) < 100 * 100 / 8 + 60


def test_smooth_images_are_smaller_than_plain_zstandard() -> None:
    smooth = image((1, 256, 256, 1), "u2", 12)
    plain = zstandard.ZstdCompressor(level=19).compress(smooth.pixels.tobytes())
    assert len(ZstdPlanes().encode(smooth, effort=9)) < 0.9 * len(plain)


@pytest.mark.parametrize("shape", [(1 << 24, 1 << 18, 1 << 10, 1), (1, 1 << 18, 1 << 18, 1), (1, 0, 5, 1)])
def test_absurd_shapes_are_refused_before_memory_is_taken(shape: tuple[int, int, int, int]) -> None:
    spec = ImageSpec(*shape, 16, np.dtype(np.uint16))
    stream = b"\0" + spec.packed() + zstandard.ZstdCompressor().compress(b"x")
    tracemalloc.start()
    with pytest.raises(CodecError):
        ZstdPlanes().decode(stream)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """A frame that claims little and inflates to much: claim and shape are compared, and the output is capped."""
    spec = ImageSpec(1, 10, 10, 1, 8, np.dtype(np.uint8))
    bomb = zstandard.ZstdCompressor().compress(bytes(100 << 20))
    tracemalloc.start()
    with pytest.raises(CodecError):
        ZstdPlanes().decode(b"\0" + spec.packed() + bomb)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_stream_that_calls_itself_packed_must_be_of_one_bit() -> None:
    stream = bytearray(ZstdPlanes().encode(image((1, 8, 8, 1), "u1", 8)))
    stream[0] = 2
    with pytest.raises(CodecError, match="one bit"):
        ZstdPlanes().decode(bytes(stream))
