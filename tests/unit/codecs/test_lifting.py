"""The learned transform: it can be undone, the kernel has its integers, and files of it keep their limits."""

import struct
from itertools import product

import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray

from contracts.lifting_models import model
from medarchive.codecs.autoencoder import learned, loop, native, steps
from medarchive.codecs.autoencoder.learned import LearnedLevels
from medarchive.codecs.autoencoder.lifting import Lifting, of_three, shapes_of
from medarchive.codecs.autoencoder.lifting_model import LEVELS, MAGIC, WIDEST, LevelNetworks, LiftingModel
from medarchive.codecs.autoencoder.native_lifting import NativeLifting
from medarchive.codecs.autoencoder.network import MOST_ACTIVE, MOST_BIAS, MOST_WEIGHT, Layer
from medarchive.errors import CorruptStream, UnknownCodec

needs_kernel = pytest.mark.skipif(not native.instruction_sets(), reason="the kernel was not built: no C compiler")
SIZES = ((1, 5), (5, 1), (6, 6), (7, 9), (33, 50), (40, 21))


def plane(rows: int, columns: int, noise: float = 20) -> NDArray[np.int64]:
    """Something with edges, in 1/64 of a stored unit."""
    random = np.random.default_rng(rows * columns)
    rising = 40 * np.add.outer(np.arange(rows), np.arange(columns)) + random.normal(0, noise, (rows, columns))
    rising[rows // 3 :, columns // 4 :] += 900
    return np.rint(64 * rising).astype(np.int64)


@pytest.mark.parametrize(("rows", "columns"), SIZES)
@pytest.mark.parametrize("step", [steps.nearest(1), steps.nearest(30)])
def test_what_is_expected_can_be_added_again(rows: int, columns: int, step: int) -> None:
    transform, exact = learned.learned(model()), plane(rows, columns)
    coefficients = loop.analysed(exact, transform, step)
    assert np.array_equal(loop.synthesised(coefficients, transform, step, loop.PREDICTING), exact)


def test_eachchange_what_is_coded_and_what_is_decoded() -> None:
    transform, exact, step = learned.learned(model()), plane(40, 40), steps.nearest(20)
    coefficients = loop.analysed(exact, transform, step)
    without = loop.analysed(exact, learned.learned(model(predict=False)), step)
    assert all(np.any(mine != other) for mine, other in zip(coefficients.levels[0], without.levels[0], strict=True))
    for doing in range(loop.ALL + 1):
        undone = np.array_equal(loop.synthesised(coefficients, transform, step, doing), exact)
        assert undone is (doing == loop.PREDICTING)


def test_neither_unit_nor_level_of_an_image_matters() -> None:
    transform, exact = Lifting(model()), plane(32, 48, noise=0)
    low, sizes, step = exact[::2, ::2], (32, 48), steps.nearest(16)
    expected = transform.expected(low, sizes, 0, step)
    for shifted, one in zip(transform.expected(low + 64 * 1000, sizes, 0, step), expected, strict=True):
        assert np.abs(shifted - one).max() <= steps.of_band(step, 0, 0) / 4
    for doubled, one in zip(transform.expected(2 * low, sizes, 0, steps.nearest(32)), expected, strict=True):
        assert np.abs(doubled - 2 * one).max() <= steps.of_band(step, 0, 0) / 4


@needs_kernel
@pytest.mark.parametrize("instructions", ["avx512vnni", "avx512bw", "avx2", "portable"])
@pytest.mark.parametrize(
    ("width", "largest", "predict", "refine"),
    [(8, 200, True, True), (5, 300, True, False), (24, 60, False, True), (WIDEST, MOST_WEIGHT, True, True)],
)
def test_the_kernel_has_the_same_integers(
    instructions: str, width: int, largest: int, *, predict: bool, refine: bool
) -> None:
    if instructions not in native.instruction_sets():
        pytest.skip(f"no kernel for {instructions} here")
    networks = model(width, largest, predict=predict, refine=refine)
    for each in (networks, networks.predicting()):
        same_integers(Lifting(each), NativeLifting(each, instructions))


def same_integers(normative: LearnedLevels, kernel: LearnedLevels) -> None:
    random = np.random.default_rng(7)
    for (rows, columns), level, reach in product(SIZES, (0, LEVELS - 1, LEVELS), (3000, 1 << 40)):
        step, size = steps.nearest(float(random.uniform(0.1, 500))), ((rows + 1) // 2, (columns + 1) // 2)
        low = random.integers(-reach, reach, size)
        rest = of_three(random.integers(-reach, reach, shape) for shape in shapes_of(rows, columns))
        expected = normative.expected(low, (rows, columns), level, step)
        for mine, other in zip(kernel.expected(low, (rows, columns), level, step), expected, strict=True):
            assert np.array_equal(mine, other)
        joined = kernel.joined(low, rest, expected, level, step)
        assert np.array_equal(joined, normative.joined(low, rest, expected, level, step))


def test_no_sum_can_leave_32_bits() -> None:
    largest = 9 * WIDEST * MOST_ACTIVE * MOST_WEIGHT + MOST_BIAS + (1 << 10)
    assert largest < 1 << 31


@needs_kernel
class TestTheKernelsLimits:
    def test_an_unknown_instruction_set(self) -> None:
        with pytest.raises(ValueError, match="mmx"):
            NativeLifting(model(), "mmx")

    def test_weights_beyond_theirs(self) -> None:
        good = model()
        first, second, last = good.levels[0].predict
        for bad in (
            Layer(np.full_like(first.weights, MOST_WEIGHT + 1), first.biases),
            Layer(first.weights, np.full_like(first.biases, MOST_BIAS + 1)),
            Layer(first.weights[:, :-1], first.biases),
        ):
            levels = (LevelNetworks((bad, second, last), good.levels[0].refine), *good.levels[1:])
            with pytest.raises(ValueError, match=r"weight|bias"):
                NativeLifting(LiftingModel(good.sha256, levels))

    def test_bands_of_other_sizes(self) -> None:
        transform = NativeLifting(model())
        with pytest.raises(ValueError, match="coefficients of 128 bytes"):
            transform.expected(np.zeros((4, 4), np.int64), (10, 10), 0, 100)


class TestFiles:
    def test_what_was_written_is_read(self) -> None:
        for predict, refine in ((True, True), (True, False), (False, True)):
            found = model(predict=predict, refine=refine)
            again = LiftingModel.read(LiftingModel.write(found.levels))
            assert again.sha256 == found.sha256
            assert again.kinds == found.kinds == predict + 2 * refine

    def test_corrupt_ones_are_refused(self) -> None:
        good = LiftingModel.write(model().levels)
        for bad in (b"", good[:9], good[:-3], b"\x00" + good[1:], good[:8] + b"\x02" + good[9:], good + bytes(5 << 20)):
            with pytest.raises(CorruptStream):
                LiftingModel.read(bad)
        for width, kinds in ((0, 3), (WIDEST + 1, 3), (8, 0), (8, 4), (9, 3), (8, 1)):
            with pytest.raises(CorruptStream):
                LiftingModel.read(good[:9] + bytes([width, kinds]) + good[11:])

    def test_weights_beyond_their_limits_are_refused(self) -> None:
        good = LiftingModel.write(model().levels)
        body = zstandard.ZstdDecompressor().decompress(good[11:])
        for bad in (struct.pack("<h", MOST_WEIGHT + 1) + body[2:], struct.pack("<h", -(1 << 15)) + body[2:]):
            with pytest.raises(CorruptStream, match="limits"):
                LiftingModel.read(good[:11] + zstandard.ZstdCompressor().compress(bad))

    def test_its_first_bytes_say_what_it_is(self) -> None:
        assert LiftingModel.write(model().levels)[:8] == MAGIC

    def test_an_unknown_transform_is_named(self) -> None:
        with pytest.raises(UnknownCodec, match="00000000"):
            learned.load(bytes(4))
