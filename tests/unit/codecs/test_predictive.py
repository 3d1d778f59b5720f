"""predictive: the contract of a codec, causality, packing, limits."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medarchive
from contracts.codec_suite import CodecSuite
from medarchive.codecs import api, registry
from medarchive.codecs.predictive import backend, flat, linear, model, native, rans, squares
from medarchive.codecs.predictive.distribution import PRECISION, STEEP, bins, start, tables
from medarchive.codecs.predictive.features import Context, features
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.native import Native, instruction_sets
from medarchive.codecs.predictive.network import MOST_WEIGHT, Layer, Network
from medarchive.codecs.predictive.packing import Packing
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import Reference
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader
from medarchive.errors import CodecError, CorruptStream, UnknownCodec
from medarchive.image import Image

needs_kernel = pytest.mark.skipif(not instruction_sets(), reason="the kernel was not built: no C compiler")
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
    places_of = plane.reshape(-1)
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
                assert places_of[place + geometry.offset(dx, dy)] == expected


@pytest.mark.parametrize("flat_too", [False, True], ids=["smooth", "flat"])
@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (12, 14), (20, 50)], ids=str)
def test_nothing_sees_a_pixel_that_is_not_decoded_yet(shape: tuple[int, int], flat_too: bool) -> None:
    """No feature, no prediction, no scale, and not whether a block may be flat."""
    geometry, here, before = Geometry(*shape), tile(*shape), tile(*shape, seed=1)
    if flat_too:
        here = np.where(np.random.default_rng(5).random(shape) < 0.01, here, 700).astype(np.int32)
    whole, other = geometry.plane_of(here), geometry.plane_of(before)
    random = np.random.default_rng(2)
    weights = random.integers(-900, 900, len(linear.AROUND) + len(linear.ACROSS)).astype(np.int32)
    errors = geometry.plane_of(random.integers(-50, 50, shape).astype(np.int32))
    order, calm_places = np.add.outer(3 * np.arange(shape[0]), np.arange(shape[1])), 0
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
        calm = [flat.flat(geometry, values, places) for values, _, _ in seen]
        assert np.array_equal(calm[0], calm[1])
        calm_places += int(calm[0].sum())
        found = [
            features(Context(geometry, values, missed, other, errors), places, predicted, 4095)
            for values, missed, predicted in seen
        ]
        assert np.array_equal(found[0][0], found[1][0])
        assert np.array_equal(found[0][1], found[1][1])
    assert calm_places > 20 or not flat_too or 1 in shape


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


def like_slices(count: int) -> Image:
    """Slices of one texture, each with noise of its own."""
    random = np.random.default_rng(3)
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    frames = []
    for _ in range(count):
        noise = random.normal(0, 300, (50, 50))
        frames.append(sum(kernel[i, j] * noise[i : i + 48, j : j + 48] for i in range(3) for j in range(3)) + 1000)
    return Image(np.clip(np.stack(frames), 0, 4095).astype(np.uint16)[..., np.newaxis], 12)


def ways_of(stream: bytes) -> list[int]:
    """How each plane of an image of one sample and one tile was coded."""
    reader = Reader(stream)
    reader.take(model.IDENTITY)
    spec = ImageSpec.read(reader)
    Packing.read(reader)
    assert reader.varint(1) == 0
    found = []
    for _ in range(spec.frames):
        found.append(reader.varint(2))
        for _ in range((len(linear.AROUND), len(linear.AROUND) + len(linear.ACROSS), 0)[found[-1]]):
            reader.varint(1 << 18)
        reader.blob(1 << 20)
    assert reader.left == 0
    return found


@pytest.mark.parametrize("effort", [1, 9])
def test_weights_are_kept_from_slice_to_slice(effort: int) -> None:
    codec, image = registry.get("predictive"), like_slices(4)
    stream = codec.encode(image, effort=effort)
    assert codec.decode(stream) == image
    assert ways_of(stream)[0] == 0
    assert ways_of(stream)[1:].count(2) >= 2


def test_a_first_plane_that_says_again_or_across_is_refused() -> None:
    codec, image = registry.get("predictive"), like_slices(1)
    stream = codec.encode(image)
    head = len(model.load().identity + ImageSpec.of(image, 1).packed() + Packing.of(image.pixels).packed())
    assert list(stream[head : head + 2]) == [0, 0]
    for way, words in ((1, "in the light"), (2, "as the one before"), (3, "at most 2")):
        with pytest.raises(CorruptStream, match=words):
            codec.decode(stream[: head + 1] + bytes([way]) + stream[head + 2 :])


@needs_kernel
def test_the_same_bytes_from_any_number_of_threads_and_any_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an image of two tiles and two groups."""
    y, x = np.mgrid[:26, :1100]
    random = np.random.default_rng(4)
    slices = [
        np.where((x - 300) ** 2 + 900 * (y - 13) ** 2 < 60_000, random.integers(900, 1100, y.shape), 0)
        for _ in range(18)
    ]
    array = np.stack(slices).astype(np.uint16)
    streams = set()
    for threads in (1, 2, 5):
        monkeypatch.setattr(api, "_threads", lambda threads=threads: threads)
        streams.add(medarchive.encode(array, codec="predictive", effort=3))
        assert np.array_equal(medarchive.decode(max(streams)), array)
    for name in instruction_sets():
        monkeypatch.setattr(backend, "_coder", lambda _, used, name=name: Native(used, name))
        for module in (squares, native):
            monkeypatch.setattr(module, "instruction_sets", lambda name=name: [name])
        streams.add(medarchive.encode(array, codec="predictive", effort=3))
        assert np.array_equal(medarchive.decode(max(streams)), array)
    assert len(streams) == 1
    assert medarchive.inspect(streams.pop()).stream_bytes[1:]


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
