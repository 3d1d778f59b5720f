"""The coders of coefficients: the normative one, and the kernel with each instruction set of this machine."""

import os
from dataclasses import replace

import numpy as np
import pytest

from contracts.coefficient_coder_suite import Case, CoefficientCoderSuite, coded, copy, model, scaled
from medarchive.codecs.autoencoder import wavelet
from medarchive.codecs.autoencoder.backend import Coder
from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.native import Native, analysed, instruction_sets, synthesised
from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_WEIGHT, Layer, Network
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference

needs_kernel = pytest.mark.skipif(not instruction_sets(), reason="the kernel was not built: no C compiler")


class TestReference(CoefficientCoderSuite):
    def coder(self, model: Model) -> Coder:
        return Reference(model)


class NativeSuite(CoefficientCoderSuite):
    instructions: str

    def coder(self, model: Model) -> Coder:
        if self.instructions not in instruction_sets():
            pytest.skip(f"no kernel for {self.instructions} here")
        return Native(model, self.instructions)


class TestAvx512Vnni(NativeSuite):
    instructions = "avx512vnni"


class TestAvx512Bw(NativeSuite):
    instructions = "avx512bw"


class TestAvx2(NativeSuite):
    instructions = "avx2"


class TestPortable(NativeSuite):
    instructions = "portable"


@pytest.mark.skipif(not os.environ.get("CI"), reason="only where .ci/run installed a compiler")
def test_the_kernel_was_built() -> None:
    assert instruction_sets()[-1] == "portable"


@needs_kernel
def test_an_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(ValueError, match="mmx"):
        Native(model("shipped"), "mmx")


@needs_kernel
class TestTransform:
    """The kernel's transform finds the integers of the normative one, whatever it is given."""

    @pytest.mark.parametrize(
        "shape", [(1, 1), (1, 5), (5, 1), (4, 4), (5, 4), (2, 33), (33, 2), (31, 47), (64, 65)], ids=str
    )
    @pytest.mark.parametrize("bits", [16, 22, 62])
    def test_forth_and_back(self, shape: tuple[int, int], bits: int) -> None:
        """A foreign stream may ask for coefficients whose sums leave 64 bits; they wrap alike."""
        random = np.random.default_rng(bits)
        plane = random.integers(-(1 << bits), 1 << bits, shape)
        kept = plane.copy()
        forth = analysed(plane)
        assert np.array_equal(plane, kept)
        assert np.array_equal(forth, Pyramid.joined(shape, wavelet.analysed(plane)).flat)
        wild = Pyramid.of(shape, random.integers(-(1 << bits), 1 << bits, plane.size))
        back = wavelet.synthesised(wavelet.Bands(wild.low, wild.levels))
        assert np.array_equal(synthesised(wild.flat, *shape), back)

    def test_sides_and_sizes_are_checked(self) -> None:
        for flat, rows, columns in ((np.zeros(6, np.int64), 2, 4), (np.zeros(0, np.int64), 0, 4)):
            with pytest.raises(ValueError, match=r"coefficients|a plane"):
                synthesised(flat, rows, columns)


@needs_kernel
class TestLimits:
    """Nothing is read or written where the arrays do not suit each other."""

    def test_models(self) -> None:
        good = model("odd")
        network = good.networks[5]
        first, second, last = network.layers
        for layers in (
            (replace(first, weights=np.full_like(first.weights, MOST_WEIGHT + 1)), second, last),
            (replace(first, weights=np.full_like(first.weights, -MOST_WEIGHT - 1)), second, last),
            (first, replace(second, biases=second.biases * 0 + MOST_BIAS + 1), last),
            (first, Layer(second.weights[:, :-1], second.biases), last),
            (first, second, Layer(last.weights, last.biases[:-1])),
        ):
            networks = (*good.networks[:5], Network(layers), *good.networks[6:])
            with pytest.raises(ValueError, match=r"weight|bias"):
                Native(replace(good, networks=networks))
        with pytest.raises(ValueError, match="weights"):
            Native(replace(good, networks=good.networks[:-1]))
        for chances in (good.chances[:-1], good.chances * np.uint16(0)):
            with pytest.raises(ValueError, match="chance"):
                Native(replace(good, chances=chances))

    def test_planes(self) -> None:
        what, native = coded(Case()), Native(model("shipped"))
        rows, columns = what.pyramid.shape
        for shape, count in (((rows, columns - 1), rows * columns), ((rows, columns), rows * columns - 1)):
            wrong = replace(copy(what.pyramid), shape=shape, flat=np.zeros(count, np.int32))
            with pytest.raises(ValueError, match="coefficients"):
                native.encode(wrong)
            with pytest.raises(ValueError, match="coefficients"):
                native.decode(what.data, wrong)
        for shape in ((0, 5), (-1, 5), (1, (1 << 18) + 1)):
            with pytest.raises(ValueError, match="a plane of"):
                native.encode(replace(what.pyramid, shape=shape))
        with pytest.raises(ValueError, match="scaled"):
            native.quantise(copy(what.pyramid), scaled(Case())[:-1], 0.15, 0.05)

    def test_the_longest_sides(self) -> None:
        for shape in ((1, 1 << 18), (1 << 18, 1)):
            pyramid = Pyramid.zeros(shape)
            pyramid.flat[::1001] = 3
            back = Pyramid.zeros(shape)
            native = Native(model("shipped"))
            native.decode(native.encode(pyramid), back)
            assert np.array_equal(pyramid.flat, back.flat)
