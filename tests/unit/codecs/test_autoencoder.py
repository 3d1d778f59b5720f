"""autoencoder: the contract of a codec, and what a reader of its streams sees: lossy, bounded and drawn."""

import numpy as np
import pytest

import medarchive
from contracts.codec_suite import KINDS, SHAPES, CodecSuite, image
from contracts.pictures import framed, slice_like
from medarchive.codecs import api
from medarchive.codecs.autoencoder import Autoencoder, backend, model, native
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader
from medarchive.errors import UnsupportedImage
from medarchive.image import Image

CODEC = Autoencoder()
LOSSY, BOUNDED, DRAWN = 0, 1, 2
needs_kernel = pytest.mark.skipif(not instruction_sets(), reason="the kernel was not built: no C compiler")


def kind_of(stream: bytes) -> int:
    reader = Reader(stream)
    reader.take(model.IDENTITY)
    ImageSpec.read(reader)
    return reader.varint(DRAWN)


def psnr(one: Image, other: Image) -> float:
    missed = one.pixels.astype(np.float64) - other.pixels
    return float(20 * np.log10(np.ptp(one.pixels)) - 10 * np.log10((missed * missed).mean()))


SLICE = framed(slice_like(96, 80), 12)
DRAWING = framed(np.kron(np.arange(48).reshape(6, 8) % 5 * 50, np.ones((6, 6), np.int64)).astype(np.uint8), 8)


class TestAutoencoder(CodecSuite):
    name = "autoencoder"
    takes_samples = (1, 2, 3, 4)
    flipped_side = 8  # NumPy takes its time


class TestLossy:
    @pytest.mark.parametrize("quality", [1, 40, 100])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_any_size(self, shape: tuple[int, int], quality: float) -> None:
        original = image((1, *shape, 1), "u2", 12)
        decoded = CODEC.decode(CODEC.encode_lossy(original, quality=quality))
        assert ImageSpec.of(original, 1).fits(decoded, 1)
        if quality == 100:
            assert int(np.abs(decoded.pixels.astype(int) - original.pixels).max()) <= 64  # noise of 64 on 4096

    @pytest.mark.parametrize("dtype", KINDS)
    def test_any_number_of_bits(self, dtype: str) -> None:
        for bits in range(1, min(16, 8 * np.dtype(dtype).itemsize) + 1):
            original = image((1, 21, 13, 1), dtype, bits)
            decoded = CODEC.decode(CODEC.encode_lossy(original, quality=70))
            assert ImageSpec.of(original, 1).fits(decoded, 1)
            assert decoded.pixels.min() >= original.pixels.min()
            assert decoded.pixels.max() <= original.pixels.max()

    @pytest.mark.parametrize("samples", [1, 2, 3, 4])
    def test_each_sample_is_what_it_is_alone(self, samples: int) -> None:
        original = image((1, 20, 30, samples), "u1", 8)
        decoded = CODEC.decode(CODEC.encode_lossy(original, quality=50))
        for at in range(samples):
            alone = Image(original.pixels[..., at : at + 1], 8)
            assert np.array_equal(
                CODEC.decode(CODEC.encode_lossy(alone, quality=50)).pixels[..., 0], decoded.pixels[..., at]
            )

    def test_bits_and_fidelity_grow_with_quality(self) -> None:
        streams = [CODEC.encode_lossy(SLICE, quality=quality) for quality in (1, 10, 25, 40, 55, 70, 85, 100)]
        sizes = [len(stream) for stream in streams]
        ratios = [psnr(SLICE, CODEC.decode(stream)) for stream in streams]
        assert sizes == sorted(sizes)
        assert ratios == sorted(ratios)
        assert sizes[0] < sizes[-1] / 10
        assert ratios[0] > 15
        assert ratios[-1] > 50

    def test_more_effort_is_no_worse_a_bargain(self) -> None:
        quick, thorough = (CODEC.encode_lossy(SLICE, quality=40, effort=effort) for effort in (1, 9))
        assert len(thorough) < len(quick)
        assert psnr(SLICE, CODEC.decode(thorough)) > psnr(SLICE, CODEC.decode(quick)) - 0.5

    @pytest.mark.parametrize("quality", [1, 20, 60])
    def test_no_value_leaves_the_originals_range(self, quality: float) -> None:
        """Not even where an edge rings."""
        pixels = np.where(slice_like(40, 50) > 600, 900, 1000).astype(np.uint16) + slice_like(40, 50) % 70
        decoded = CODEC.decode(CODEC.encode_lossy(framed(pixels, 12), quality=quality)).pixels
        assert int(decoded.min()) >= int(pixels.min())
        assert int(decoded.max()) <= int(pixels.max())

    def test_there_are_no_seams(self) -> None:
        """The error around the middle of a long image is like the one anywhere: it was not cut there."""
        y, x = np.mgrid[:16, :2100]
        original = framed((1000 + 800 * np.sin(x / 90) + 3 * y).astype(np.uint16), 12)
        decoded = CODEC.decode(CODEC.encode_lossy(original, quality=30))
        jumps = np.abs(np.diff(decoded.pixels[0, ..., 0].astype(int) - original.pixels[0, ..., 0], axis=1)).mean(axis=0)
        for edge in (512, 700, 1024, 1050, 1400, 2048):  # where a codec that cuts images would cut
            assert jumps[edge - 2 : edge + 2].mean() < 2 * jumps.mean()

    @pytest.mark.parametrize("value", [-2048, 0, 2047])
    def test_a_constant_image_comes_back(self, value: int) -> None:
        original = framed(np.full((31, 40), value, np.int16), 12)
        for quality in (1, 100):
            stream = CODEC.encode_lossy(original, quality=quality)
            assert CODEC.decode(stream) == original
            assert CODEC.preview(stream) == original
            assert len(stream) < 30

    def test_16_bits_with_a_large_edge_at_the_highest_quality(self) -> None:
        """Coarse coefficients are large numbers of small steps; once they were too large to be coded."""
        pixels = (np.arange(512 * 512).reshape(512, 512) // 7 % 200).astype(np.uint16)
        pixels[:, 256:] += 65_000
        decoded = CODEC.decode(CODEC.encode_lossy(framed(pixels, 16), quality=100, effort=1))
        assert int(np.abs(decoded.pixels[0, ..., 0].astype(int) - pixels).max()) <= 1

    @pytest.mark.parametrize("quality", [0, 0.99, 100.01, -5, float("nan"), float("inf"), -float("inf")])
    def test_there_is_no_such_quality(self, quality: float) -> None:
        with pytest.raises(UnsupportedImage, match="expected 1 to 100"):
            CODEC.encode_lossy(SLICE, quality=quality)

    def test_what_it_does_not_take_is_refused(self) -> None:
        for wrong in (
            Image(np.zeros((2, 8, 8, 1), np.uint8), 8),
            Image(np.zeros((1, 8, 8, 5), np.uint8), 8),
            Image(np.zeros((1, 8, 8, 1), np.uint32), 17),
        ):
            for encode in (lambda it: CODEC.encode_lossy(it, quality=50), CODEC.encode):
                with pytest.raises(UnsupportedImage, match="one frame"):
                    encode(wrong)
        with pytest.raises(UnsupportedImage, match="quantises"):
            CODEC.encode(SLICE, max_error=1)


class TestPreview:
    def test_of_a_lossy_stream_it_is_the_image(self) -> None:
        stream = CODEC.encode_lossy(SLICE, quality=33)
        assert kind_of(stream) == LOSSY
        assert CODEC.preview(stream) == CODEC.decode(stream)

    def test_of_a_bounded_stream_it_is_what_its_latents_show(self) -> None:
        stream = CODEC.encode(SLICE)
        assert kind_of(stream) == BOUNDED
        assert CODEC.decode(stream) == SLICE
        shown = CODEC.preview(stream)
        assert ImageSpec.of(SLICE, 1).fits(shown, 1)
        assert shown != SLICE
        assert shown.pixels.min() >= SLICE.pixels.min()
        assert shown.pixels.max() <= SLICE.pixels.max()
        assert shown == CODEC.decode(CODEC.encode_lossy(SLICE, quality=20))
        assert psnr(SLICE, shown) > 20

    def test_of_samples_one_of_which_is_constant(self) -> None:
        pixels = np.stack([slice_like(30, 33) % 256, np.full((30, 33), 9, np.uint16)], axis=-1)[np.newaxis]
        original = Image(pixels.astype(np.uint8), 8)
        stream = CODEC.encode(original)
        assert CODEC.decode(stream) == original
        assert np.array_equal(CODEC.preview(stream).pixels[..., 1], original.pixels[..., 1])

    def test_of_a_drawing_it_is_the_drawing(self) -> None:
        stream = CODEC.encode_lossy(DRAWING, quality=5)
        assert kind_of(stream) == DRAWN
        assert CODEC.preview(stream) == CODEC.decode(stream) == DRAWING


@pytest.mark.parametrize("quality", [1, 50, 100])
def test_a_drawing_comes_back_exactly_and_small(quality: float) -> None:
    stream = CODEC.encode_lossy(DRAWING, quality=quality)
    assert CODEC.decode(stream) == DRAWING
    assert len(stream) <= len(CODEC.encode(DRAWING)) < DRAWING.pixels.size / 8


@needs_kernel
def test_the_same_from_any_number_of_threads_and_any_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    slices = np.stack([slice_like(40, 33, seed) for seed in range(5)])
    wanted: list[tuple[bytes, bytes]] = []

    def check() -> None:
        found = [medarchive.encode(slices, codec="autoencoder", **how) for how in ({"quality": 40.0}, {"max_error": 1})]
        wanted.append((found[0], found[1]))
        decoded = [medarchive.decode(data) for data in found]
        assert int(np.abs(decoded[1].astype(int) - slices).max()) <= 1
        assert all(pair == wanted[0] for pair in wanted)

    for threads in (1, 2, 5):
        monkeypatch.setattr(api, "_threads", lambda threads=threads: threads)
        check()
    for name in instruction_sets():
        monkeypatch.setattr(backend, "_proven", lambda _, used, name=name: Native(used, name))
        check()
    assert len(wanted) == 3 + len(instruction_sets())


def test_numpy_makes_the_same_streams_and_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    small = framed(slice_like(17, 12), 12)
    lossy, exact = CODEC.encode_lossy(small, quality=50), CODEC.encode(small)
    decoded, shown = CODEC.decode(lossy), CODEC.preview(exact)
    for module in (backend, native):
        monkeypatch.setattr(module, "instruction_sets", list)
    assert isinstance(backend.coder(model.load()), Reference)
    assert CODEC.encode_lossy(small, quality=50) == lossy
    assert CODEC.encode(small) == exact
    assert CODEC.decode(lossy) == decoded
    assert CODEC.preview(exact) == shown
