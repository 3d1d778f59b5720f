"""autoencoder: the parts that its streams stand on: context, sums, decisions, quantiser."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.coefficient_coder_suite import coefficients, copy, model
from contracts.pictures import slice_like
from medarchive.codecs.autoencoder import context, head, network, rans, steps, transform
from medarchive.codecs.autoencoder.backend import Coder
from medarchive.codecs.autoencoder.context import COMPANDED, COUNTS, MARGIN, PASSES, Canvas
from medarchive.codecs.autoencoder.decisions import ANY, BEYOND, CLASSES, MOST_SIZE, NEGATIVE, Decisions, decode
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.errors import CorruptStream

CODERS = ["numpy", *instruction_sets()]


def coder(name: str) -> Coder:
    return Reference(model("shipped")) if name == "numpy" else Native(model("shipped"), name)


class TestContext:
    def test_sizes_are_companded_evenly(self) -> None:
        assert COMPANDED[0] == 0
        assert COMPANDED[1] == context.UNIT
        assert COMPANDED[-1] == COMPANDED.max() == 128
        assert np.array_equal(context.companded(np.array([-1, 5, -255, -(1 << 30)])), [-16, COMPANDED[5], -128, -128])

    def test_every_site_belongs_to_one_pass(self) -> None:
        for shape in product(range(6), range(6)):
            assert sum(int(np.prod(context.sites(shape, number))) for number in range(4)) == int(np.prod(shape))

    def test_activities_say_how_much_there_is(self) -> None:
        band = np.zeros((8, 8), np.int32)
        assert context.activity(band) == 0
        found = []
        for value in (1, 2, 9, 100, MOST_SIZE):
            band[3, 3] = -value
            found.append(context.activity(band))
        assert found[0] >= 1
        assert found == sorted(found)
        assert context.activity(np.full((8, 8), MOST_SIZE, np.int32)) == head.MOST_ACTIVITY

    def test_constants_are_the_activities_around_and_the_level(self) -> None:
        activities = np.array([[3, 4, 5], [13, 14, 15], [23, 24, 25]])
        assert context.constants(activities, 1, 1) == [28, 30, 26, 48, 8, 0, 16, 0, 0, 0, 0, 0]
        assert context.constants(activities, 2, 0)[3:5] == [0, 26]
        assert context.constants(np.zeros((12, 3), int), 11, 2)[-1] == context.UNIT
        assert len(context.constants(activities, 0, 2)) == context.CONSTANTS

    @pytest.mark.parametrize("shape", [(16, 23), (1, 40), (33, 5)], ids=str)
    def test_nothing_sees_a_coefficient_that_is_not_decoded_yet(
        self, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[np.ndarray] = []
        real = context.features

        def watched(*given: Any) -> np.ndarray:
            seen.append(real(*given))
            return seen[-1]

        monkeypatch.setattr(context, "features", watched)
        pyramid, reference = coefficients(shape, "dense"), Reference(model("shipped"))
        reference.encode(copy(pyramid))
        whole, times = list(seen), times_of(shape)
        for time in range(len(whole)):
            seen.clear()
            reference.encode(other_later(pyramid, time))
            assert all(np.array_equal(one, two) for one, two in zip(whole[: time + 1], seen[: time + 1], strict=True))
        assert len(whole) == len(np.unique(times[times >= 0]))

    @pytest.mark.parametrize("name", CODERS)
    def test_no_bargain_sees_one_either(self, name: str) -> None:
        shape = (16, 23)
        pyramid, times, used = coefficients(shape, "dense"), times_of(shape), coder(name)
        scaled = (pyramid.flat + np.random.default_rng(0).uniform(-0.6, 0.6, pyramid.flat.size)).astype(np.float32)
        first = copy(pyramid)
        used.quantise(first, scaled, 0.15, 0.05)
        for time in range(0, int(times.max()) + 1, 5):
            other = other_later(pyramid, time)
            used.quantise(other, np.where(times < time, scaled, -3 * scaled[::-1]), 0.15, 0.05)
            assert np.array_equal(other.flat[times < time], first.flat[times < time])


def times_of(shape: tuple[int, int]) -> np.ndarray:
    """In which pass of the plane each coefficient is coded; -1 for those of the low band."""
    times, now = Pyramid.of(shape, np.full(shape[0] * shape[1], -1)), 0
    for level in reversed(times.levels):
        for band in level:
            for row, column in PASSES:
                sites = band[row::2, column::2]
                sites[...] = now
                now += sites.size > 0
    return times.flat


def other_later(pyramid: Pyramid[np.int32], time: int) -> Pyramid[np.int32]:
    """Other coefficients in this pass and later ones, but no more and no less of them: activities are said before."""
    found, times = copy(pyramid), Pyramid.of(pyramid.shape, times_of(pyramid.shape))
    for level, when in zip(found.levels, times.levels, strict=True):
        for band, passes in zip(level, when, strict=True):
            later = passes >= time
            band[later] = -band[later][::-1]
    return found


class TestSums:
    """Whatever weights and coefficients are, every sum stays in 32 bits, in whatever order it is added."""

    def largest_features(self, band: int, number: int) -> np.ndarray:
        """Of canvases where everything that a pass may know is as large as can be."""
        side = 24
        canvas, parent = Canvas.empty(side, side), Canvas.empty(side, side)
        full = np.full((side, side), MOST_SIZE)
        for other in range(3):
            parent.put(other, full)
            if other < band:
                canvas.put(other, full)
        for row, column in PASSES[:number]:
            canvas.signed[band, MARGIN + row : -MARGIN : 2, MARGIN + column : -MARGIN : 2] = COMPANDED[-1]
        activities = np.full((9, 3), head.MOST_ACTIVITY)
        constants = context.constants(activities, 4, band)
        return context.features(canvas, parent, (side, side), band, number, constants)

    def test_features_are_128_at_most(self) -> None:
        for band, number in product(range(3), range(4)):
            found = self.largest_features(band, number)
            assert len(found) == COUNTS[4 * band + number]
            assert int(np.abs(found).max()) <= COMPANDED[-1] == 128

    def test_sums(self) -> None:
        most = (1 << 31) - 1
        inputs = ((max(COUNTS), 128), (network.WIDEST, network.MOST_ACTIVE), (network.WIDEST, network.MOST_ACTIVE))
        for (count, largest), shift in zip(inputs, network.SHIFTS, strict=True):
            assert network.MOST_BIAS + (1 << shift - 1) + count * largest * network.MOST_WEIGHT <= most
        assert max(COMPANDED[-1], network.MOST_ACTIVE) < 1 << 15  # inputs are pairs of 16 bits in the kernel
        assert most >= 2 * network.MOST_ACTIVE * network.MOST_WEIGHT

    def test_logits_stay_in_the_table(self) -> None:
        for name in ("odd", "wide", "shipped"):
            for at, each in enumerate(model(name).networks):
                logits = each.logits(np.random.default_rng(at).integers(-128, 129, (COUNTS[at], 50)).astype(np.int32))
                assert int(np.abs(logits).max()) <= network.MOST_LOGIT
        assert len(model("odd").chances) == 2 * network.MOST_LOGIT + 1


class TestDecisions:
    @given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 700, 32768, 65000, 65535])), max_size=80))
    def test_answers_come_back(self, drawn: list[tuple[bool, int]]) -> None:
        data = rans.encode([answer for answer, _ in drawn], [chance for _, chance in drawn])
        decoder = rans.Decoder(data)
        assert [decoder.take(chance) for _, chance in drawn] == [answer for answer, _ in drawn]
        decoder.finish()

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 30).flatmap(lambda k: st.integers((1 << k) - 1, min((1 << k) + 1, MOST_SIZE)))))
    def test_coefficients_come_back(self, sizes: list[int]) -> None:
        values = [size if at % 2 else -size for at, size in enumerate(sizes)]
        chances = [40_000, 30_000, *range(60_000, 60_000 + CLASSES), 20_000, 25_000]
        decisions = Decisions()
        for value in values:
            decisions.coefficient(value, chances)
        decoder = rans.Decoder(rans.encode(decisions.answers, decisions.chances))
        assert [decode(decoder, chances) for _ in values] == values
        decoder.finish()

    def test_one_beyond_the_largest_is_refused(self) -> None:
        with pytest.raises(ValueError, match="beyond"):
            Decisions().coefficient(MOST_SIZE + 1, [1] * network.OUTPUTS)

    def test_a_head_of_no_plane_is_refused(self) -> None:
        """A low band that grows too large, and activities that are none."""
        pyramid = Pyramid.zeros((9, 9))
        for build, words in ((too_large, "beyond all bounds"), (too_active, "beyond all bounds")):
            decisions = Decisions()
            build(decisions, pyramid)
            decisions.number(0, 200)
            with pytest.raises(CorruptStream, match=words):
                head.take(rans.Decoder(rans.encode(decisions.answers, decisions.chances)), pyramid)


def too_large(decisions: Decisions, pyramid: Pyramid[np.int32]) -> None:
    decisions.number(31, 5)
    for _ in range(pyramid.low.size):
        decisions.number((1 << 30) - 1, 31)
        decisions.add(answer=False)


def too_active(decisions: Decisions, pyramid: Pyramid[np.int32]) -> None:
    decisions.number(0, 5)
    for _ in range(64):
        decisions.add(answer=True)


class TestQuantiser:
    @pytest.mark.parametrize("name", CODERS)
    def test_for_nothing_it_takes_the_nearest(self, name: str) -> None:
        pyramid = coefficients((33, 21), "dense")
        scaled = (pyramid.flat + np.random.default_rng(3).uniform(-0.9, 0.9, pyramid.flat.size)).astype(np.float32)
        coder(name).quantise(pyramid, scaled, 0.0, 0.0)
        detail = times_of(pyramid.shape) >= 0
        assert float(np.abs(pyramid.flat - scaled)[detail].max()) <= 0.5

    @pytest.mark.parametrize("name", CODERS[-1:])
    def test_dearer_bits_are_fewer(self, name: str) -> None:
        used, values = coder(name), slice_like(60, 70).astype(np.int64)
        exact, number = transform.analysed(values - 500), steps.nearest(30.0)
        scaled = Pyramid.of(exact.shape, np.zeros(exact.flat.size, np.float32))
        for level, (row, detail) in enumerate(zip(scaled.levels, exact.levels, strict=True)):
            for band, (to, each) in enumerate(zip(row, detail, strict=True)):
                to[...] = each / steps.of_band(number, level, band)
        lengths, errors = [], []
        for price in (0.0, 0.05, 0.1, 0.2, 0.4, 1.0, 4.0, 1e6):
            pyramid = Pyramid.of(exact.shape, np.rint(scaled.flat).astype(np.int32))
            used.quantise(pyramid, scaled.flat, price, 0.0)
            lengths.append(len(used.encode(pyramid)))
            errors.append(float(((pyramid.flat - scaled.flat) ** 2).sum()))
        assert lengths == sorted(lengths, reverse=True)
        assert errors == sorted(errors)
        assert lengths[-1] < lengths[0] / 10


def test_the_logits_of_a_coefficient_are_all_used() -> None:
    assert (ANY, NEGATIVE, BEYOND, BEYOND + CLASSES + 2) == (0, 1, 2, network.OUTPUTS)
