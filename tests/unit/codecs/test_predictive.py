"""predictive: the contract of a codec, causality, packing, limits."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec_suite import CodecSuite
from medarchive.codecs import registry
from medarchive.codecs.predictive import linear, model, rans
from medarchive.codecs.predictive.distribution import PRECISION, STEEP, bins, start, tables
from medarchive.codecs.predictive.features import Context, features
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.network import MOST_WEIGHT, Layer, Network
from medarchive.codecs.predictive.packing import Packing
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import Reference
from medarchive.codecs.wire import Reader
from medarchive.errors import CodecError, CorruptStream, UnknownCodec
from medarchive.image import Image

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (7, 30), (30, 7), (40, 40)]


def tile(rows: int, columns: int, seed: int = 0, highest: int = 4095) -> Ints:
    random = np.random.default_rng(seed)
    smooth = np.cumsum(np.cumsum(random.normal(0, 9, (rows, columns)), axis=0), axis=1)
    return np.clip(smooth + highest // 2, 0, highest).astype(np.int32)


class TestPredictive(CodecSuite):
    name = "predictive"
    takes_samples = (1, 2, 3, 4)
    flipped_side = 5  # NumPy takes its time


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_plane_holds_its_tile_and_what_lies_around(shape: tuple[int, int]) -> None:
    geometry, here = Geometry(*shape), tile(*shape)
    plane = geometry.plane_of(here)
    assert np.array_equal(geometry.tile_of(plane), here)
    flat = plane.reshape(-1)
    rows, columns = shape
    for step in range(geometry.steps):
        for place in geometry.at(step):
            y = int(place % geometry.stride) - 4
            x = step - 3 * y
            for dx, dy in (*linear.AROUND, *linear.ACROSS):
                at_x, at_y = x + dx, y - dy
                if at_y < 0:
                    at_x, at_y = at_x + 3 * at_y, 0
                elif at_y >= rows:
                    at_x, at_y = at_x + 3 * (at_y - rows + 1), rows - 1
                left = here[at_y - 1, 0] if at_y else 0
                expected = left if at_x < 0 else here[at_y, min(at_x, columns - 1)]
                assert flat[place + geometry.offset(dx, dy)] == expected


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (12, 14)], ids=str)
def test_no_feature_sees_a_pixel_that_is_not_decoded_yet(shape: tuple[int, int]) -> None:
    geometry, here, before = Geometry(*shape), tile(*shape), tile(*shape, seed=1)
    whole, other = geometry.plane_of(here), geometry.plane_of(before)
    random = np.random.default_rng(2)
    weights = random.integers(-900, 900, len(linear.AROUND) + len(linear.ACROSS)).astype(np.int32)
    errors = geometry.plane_of(random.integers(-50, 50, shape).astype(np.int32))
    order = np.add.outer(3 * np.arange(shape[0]), np.arange(shape[1]))
    for step in range(geometry.steps):
        places = geometry.at(step)
        known = np.where(order < step, here, random.integers(0, 4096, shape)).astype(np.int32)
        known_errors = np.where(order < step, geometry.tile_of(errors), 77).astype(np.int32)
        seen = [
            (values, missed, linear.predict(geometry, values, other, places, weights, 4095))
            for values, missed in (
                (whole, errors),
                (geometry.plane_of(known), geometry.plane_of(known_errors)),
            )
        ]
        assert np.array_equal(seen[0][2], seen[1][2])
        found = [
            features(Context(geometry, values, missed, other, errors), places, predicted, 4095)
            for values, missed, predicted in seen
        ]
        assert np.array_equal(found[0][0], found[1][0])
        assert np.array_equal(found[0][1], found[1][1])


@settings(deadline=None)
@given(
    centre=st.integers(0, 16 * 65535),
    octave=st.integers(0, 17),
    quarter=st.integers(0, 3),
    spread=st.integers(-40, 31),
    shape=st.integers(0, 3),
    highest=st.sampled_from([1, 2, 255, 4095, 65535]),
)
def test_every_value_has_an_interval_of_its_own(
    centre: int, octave: int, quarter: int, spread: int, shape: int, highest: int
) -> None:
    centre = min(centre, 16 * highest)
    shift, steep = octave + (spread >> 3), int(STEEP[quarter, spread & 7])
    found, table = bins(centre, shift, highest), tables()[shape]
    edges = [start(found, number, steep, shift, table) for number in range(found.first, found.last + 2)]
    assert edges[0] == 0
    assert all(low < high for low, high in pairwise(edges))
    assert edges[-1] <= (1 << PRECISION) - found.escape
    assert found.escape or edges[-1] == 1 << PRECISION
    half = (1 << found.low_bits) >> 1
    if not found.escape:
        assert (0 - found.middle + half) >> found.low_bits >= found.first
        assert (highest - found.middle + half) >> found.low_bits <= found.last


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 65535), st.integers(1, 65536)), max_size=60))
def test_intervals_come_back(drawn: list[tuple[int, int, int]]) -> None:
    symbols = [(lane, begin, min(count, 65536 - begin)) for lane, begin, count in drawn]
    decoder = rans.Decoder(rans.encode(symbols))
    for lane, begin, count in symbols:
        assert begin <= decoder.slot(lane) < begin + count
        decoder.take(lane, begin, count)
    decoder.finish()


def test_sparse_values_are_numbered() -> None:
    pixels = (np.arange(40 * 40).reshape(40, 40) % 300 * 50 - 7000).astype(np.int16)
    packing = Packing.of(pixels)
    assert packing.highest == 299
    back = Packing.read(Reader(packing.packed()))
    assert np.array_equal(back.pixels(back.coded(pixels)), pixels)
    assert Packing.of(np.arange(900, dtype=np.uint16)).used is None


def test_frames_that_resemble_each_other_cost_less_together() -> None:
    codec = registry.get("predictive")
    random = np.random.default_rng(0)
    first = tile(48, 48).astype(np.uint16)
    frames = np.stack([first, first + random.integers(0, 2, first.shape).astype(np.uint16)])[..., np.newaxis]
    together = Image(frames, 13)
    stream = codec.encode(together)
    assert codec.decode(stream) == together
    assert len(stream) < 0.8 * sum(len(codec.encode(together[i : i + 1])) for i in range(2))


def test_a_drawing_costs_what_repeats() -> None:
    codec = registry.get("predictive")
    pattern = np.random.default_rng(0).integers(0, 9, (8, 8)).astype(np.uint16) * 4000
    drawing = Image(np.tile(pattern, (8, 8))[np.newaxis, ..., np.newaxis], 16)
    stream = codec.encode(drawing)
    assert codec.decode(stream) == drawing
    assert len(stream) < 300
    for length in range(0, len(stream), 7):
        with pytest.raises(CodecError):
            codec.decode(stream[:length])


def test_absurd_sizes_and_weights_are_refused() -> None:
    with pytest.raises(CorruptStream):
        linear.checked(np.full(len(linear.AROUND), 32767, np.int32), across=False)
    with pytest.raises(CorruptStream):
        linear.checked(np.zeros(3, np.int32), across=False)


def test_a_model_is_its_bytes() -> None:
    shipped = model.load()
    data = Model.write(shipped.network, shipped.rates, shipped.tables)
    again = Model.read(data)
    assert again.sha256 == hashlib.sha256(data).digest()
    assert all(
        np.array_equal(a.weights, b.weights) and np.array_equal(a.biases, b.biases)
        for a, b in zip(shipped.network.layers, again.network.layers, strict=True)
    )
    assert len(data) < 200_000
    heavy = Layer(shipped.network.layers[0].weights + np.int16(2 * MOST_WEIGHT), shipped.network.layers[0].biases)
    network = Network((heavy, *shipped.network.layers[1:]))
    with pytest.raises(CorruptStream, match="limits"):
        Model.read(Model.write(network, shipped.rates, shipped.tables))
    for broken in (b"", data[:30], b"x" + data[1:], data[:-1]):
        with pytest.raises(CorruptStream):
            Model.read(broken)
    with pytest.raises(UnknownCodec, match="0000"):
        model.load(bytes(8))


def test_weights_at_their_limits_stay_exact() -> None:
    """Sums of 12-bit weights and 12-bit activations are exact in float64; here against Python's own integers."""
    random = np.random.default_rng(0)
    shipped = model.load()
    extreme = Layer(
        np.where(random.random((64, 64)) < 0.5, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int16), np.zeros(64, np.int32)
    )
    active = np.full((64, 3), 4095, np.int32)
    expected = [[sum(int(w) * 4095 for w in row)] * 3 for row in extreme.weights]
    assert extreme.sums(active).tolist() == expected
    network = Network((shipped.network.layers[0], extreme, shipped.network.layers[2]))
    wild = Reference(replace(shipped, network=network))
    geometry, here = Geometry(9, 20), tile(9, 20)
    values, weights = geometry.plane_of(here), np.zeros(len(linear.AROUND), np.int32)
    data, state = wild.encode(values, None, geometry, weights, 4095)
    back = wild.decode(data, None, geometry, weights, 4095)
    assert np.array_equal(back.values, values)
    assert np.array_equal(back.errors, state.errors)
    assert np.array_equal(back.fine, state.fine)
