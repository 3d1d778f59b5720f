"""The coders of tiles: the normative one, and the kernel with each instruction set of this machine."""

import os
from dataclasses import replace

import numpy as np
import pytest

from contracts.tile_coder_suite import Case, TileCoderSuite, coded, model
from medarchive.codecs.predictive.backend import Coder
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.native import STAGES, Native, instruction_sets
from medarchive.codecs.predictive.network import MOST_WEIGHT, Layer, Network
from medarchive.codecs.predictive.planes import Geometry
from medarchive.codecs.predictive.reference import Reference, State

needs_kernel = pytest.mark.skipif(not instruction_sets(), reason="the kernel was not built: no C compiler")


class TestReference(TileCoderSuite):
    def coder(self, model: Model) -> Coder:
        return Reference(model)


class NativeSuite(TileCoderSuite):
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
def test_it_says_how_long_its_stages_took() -> None:
    what, native = coded(Case()), Native(model("shipped"), times=True)
    native.decode(what.data, what.before, what.geometry, what.weights, what.highest)
    assert native.times is not None
    assert native.times.shape == (len(STAGES),)
    assert native.times.min() > 0


@needs_kernel
class TestLimits:
    """Nothing is read or written where the arrays do not suit each other."""

    def test_models(self) -> None:
        good = model("odd")
        first, second, last = good.network.layers
        for layers in (
            (replace(first, weights=np.full_like(first.weights, MOST_WEIGHT + 1)), second, last),
            (replace(first, biases=first.biases + (1 << 28)), second, last),
            (first, Layer(second.weights[:, :-1], second.biases), last),
        ):
            with pytest.raises(ValueError, match="weights"):
                Native(replace(good, network=Network(layers)))
        for other in (
            replace(good, rates=good.rates * 0),
            replace(good, rates=good.rates[:, :-1]),
            replace(good, tables=good.tables[:, ::-1]),
            replace(good, tables=good.tables[:-1]),
        ):
            with pytest.raises(ValueError, match=r"rates|table"):
                Native(other)

    def test_tiles(self) -> None:
        what = coded(Case(across=True))
        native, before = Native(what.model), what.before
        assert before is not None
        narrower = Geometry(what.geometry.rows, what.geometry.columns - 1)
        for values, state, geometry, weights, highest in (
            (what.values[:-1], before, what.geometry, what.weights, what.highest),
            (what.values, before, narrower, what.weights, what.highest),
            (what.values, before, what.geometry, what.weights[:-1], what.highest),
            (what.values, None, what.geometry, what.weights, what.highest),
            (what.values, before, what.geometry, what.weights + 5000, what.highest),
            (what.values, before, what.geometry, what.weights, 65536),
            (what.values, before, what.geometry, what.weights, 100),
            (what.values - 4096, before, what.geometry, what.weights, what.highest),
            (what.values, replace(before, errors=before.errors[1:]), what.geometry, what.weights, what.highest),
            (what.values, replace(before, fine=before.fine[:, 1:]), what.geometry, what.weights, what.highest),
            (what.values, replace(before, fine=before.fine + (1 << 28)), what.geometry, what.weights, what.highest),
        ):
            with pytest.raises(ValueError, match=r"plane|weights|a tile|a last layer"):
                native.encode(values, state, geometry, weights, highest)

    def test_views_are_taken_as_they_are(self) -> None:
        what = coded(Case(across=True))
        assert what.before is not None
        turned = State(
            *(np.asfortranarray(array) for array in (what.before.values, what.before.errors, what.before.fine))
        )
        weights = np.repeat(what.weights, 2)[::2]
        back = Native(what.model).decode(what.data, turned, what.geometry, weights, what.highest)
        assert np.array_equal(back.values, what.state.values)
