"""What every codec must do. A codec's test module subclasses this and names it."""

import numpy as np
import pytest

from medarchive.codecs import registry
from medarchive.codecs.base import Codec
from medarchive.errors import CodecError
from medarchive.image import Image

SHAPES = [(1, 1), (1, 700), (700, 1), (2, 3), (17, 31), (64, 64), (200, 129)]
KINDS = ["u1", "u2", "u4", "i1", "i2", "i4"]


def image(shape: tuple[int, ...], dtype: str, bits: int, seed: int = 0) -> Image:
    """Smooth pixels with noise over the whole range of ``bits``, its ends included."""
    kind = np.dtype(dtype)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.kind == "i" else (0, (1 << bits) - 1)
    rng = np.random.default_rng(seed)
    ramp = np.linspace(low, high, int(np.prod(shape))).reshape(shape)
    noisy = np.clip(ramp + rng.normal(0, (high - low) / 64 + 0.5, shape), low, high)
    pixels = noisy.astype(np.int64)
    pixels.flat[0], pixels.flat[-1] = low, high
    return Image(pixels.astype(kind), bits)


class CodecSuite:
    name: str
    takes_samples: tuple[int, ...] = (1, 3)
    most_bits: int = 16
    flipped_side: int = 16

    @pytest.fixture
    def codec(self) -> Codec:
        return registry.get(self.name)

    def back(self, codec: Codec, original: Image) -> Image:
        assert codec.accepts(original)
        return codec.decode(codec.encode(original))

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_any_size(self, codec: Codec, shape: tuple[int, int]) -> None:
        original = image((1, *shape, 1), "u2", 12)
        assert self.back(codec, original) == original

    @pytest.mark.parametrize("dtype", KINDS)
    def test_any_number_of_bits(self, codec: Codec, dtype: str) -> None:
        widest = 8 * np.dtype(dtype).itemsize
        for bits in sorted({1, 2, 7, 8, 9, 12, 15, 16, 17, 31, 32} & set(range(1, widest + 1))):
            original = image((1, 21, 13, 1), dtype, bits)
            if bits <= self.most_bits:
                assert self.back(codec, original) == original, f"{bits} bits"
            else:
                assert not codec.accepts(original)

    @pytest.mark.parametrize("samples", [1, 2, 3, 4])
    def test_any_number_of_samples(self, codec: Codec, samples: int) -> None:
        original = image((1, 20, 30, samples), "u1", 8)
        if samples in self.takes_samples:
            assert self.back(codec, original) == original
        else:
            assert not codec.accepts(original)

    @pytest.mark.parametrize("value", [0, 1, 4095])
    def test_constant(self, codec: Codec, value: int) -> None:
        original = Image(np.full((1, 50, 40, 1), value, np.uint16), 12)
        assert self.back(codec, original) == original
        assert len(codec.encode(original)) < 200

    def test_noise(self, codec: Codec) -> None:
        pixels = np.random.default_rng(1).integers(0, 1 << 16, (1, 60, 60, 1)).astype(np.uint16)
        assert self.back(codec, Image(pixels, 16)) == Image(pixels, 16)

    def test_the_same_image_gives_the_same_bytes(self, codec: Codec) -> None:
        original = image((1, 40, 40, 1), "i2", 13)
        assert codec.encode(original) == codec.encode(original)

    @pytest.mark.parametrize("effort", range(1, 10))
    def test_every_effort(self, codec: Codec, effort: int) -> None:
        original = image((1, 32, 32, 1), "u2", 12)
        assert codec.decode(codec.encode(original, effort=effort)) == original

    def test_arrays_that_are_not_contiguous(self, codec: Codec) -> None:
        pixels = image((1, 40, 60, 3), "u1", 8).pixels[:, ::2, ::-1]
        assert self.back(codec, Image(pixels, 8)) == Image(np.ascontiguousarray(pixels), 8)

    def test_foreign_bytes_are_refused(self, codec: Codec) -> None:
        stream = codec.encode(image((1, 16, 16, 1), "u2", 12))
        rng = np.random.default_rng(2)
        for bad in (b"", b"\0", stream[: len(stream) // 2], rng.bytes(300), stream[::-1], b"\xff" * 64):
            with pytest.raises(CodecError):
                codec.decode(bad)

    def test_flipped_bytes_never_crash(self, codec: Codec) -> None:
        """A stream alone may decode to something else, which the container notices; it must do no harm."""
        stream = codec.encode(image((1, self.flipped_side, self.flipped_side, 1), "u2", 12))
        for position in range(len(stream)):
            for bit in (0x01, 0x80):
                changed = bytearray(stream)
                changed[position] ^= bit
                try:
                    codec.decode(bytes(changed))
                except CodecError:
                    continue
