"""What every coder of tiles must do: the very bytes, planes, last layers and faults of ``Reference``."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from medarchive.codecs.predictive import features, linear, network, solver
from medarchive.codecs.predictive.backend import Coder
from medarchive.codecs.predictive.distribution import SHAPES, SPAN, tables
from medarchive.codecs.predictive.model import Model, load
from medarchive.codecs.predictive.network import MOST_BIAS, MOST_WEIGHT, Layer, Network
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import Reference, State
from medarchive.errors import CorruptStream

MOST_LINEAR = 65535
SIZES = [(1, 1), (1, 50), (50, 1), (3, 2), (2, 3), (17, 31), (31, 17), (64, 64), (130, 70)]
KINDS = ["constant", "noise", "ramp", "smooth", "extremes"]
FLAT = ["nothing", "padded", "air", "restless"]
MODELS = ["shipped", "narrow", "odd", "wide", "steps"]


@dataclass(frozen=True)
class Case:
    """A tile, and the tile before it where ``across``."""

    size: tuple[int, int] = (17, 31)
    highest: int = 4095
    kind: str = "smooth"
    across: bool = False
    model: str = "shipped"
    weights: str = "solved"

    def __str__(self) -> str:
        after = "after-another" if self.across else "alone"
        size = f"{self.size[0]}x{self.size[1]}"
        return "-".join((size, str(self.highest), self.kind, after, self.model, self.weights))


def cases() -> Iterator[Case]:
    for across in (False, True):
        for size in SIZES:
            yield Case(size, across=across)
        for kind in KINDS:
            yield Case(kind=kind, across=across)
            yield Case(kind=kind, across=across, highest=65535)
        for bits in (1, 2, 5, 8, 10, 14, 16):
            yield Case((12, 20), (1 << bits) - 1, across=across)
        for model in MODELS[1:]:
            yield Case(across=across, model=model)
            yield Case((40, 21), 65535, "noise", across, model, "furthest")
        for kind in FLAT:
            yield Case((40, 133), 255, kind, across)  # steps of 40 pixels: two blocks and half of one
            yield Case((18, 9), 65535, kind, across, "odd", "furthest")
        yield Case((33, 101), 1, "air", across, "steps")
        for weights in ("single", "spread", "furthest", "none"):
            yield Case(highest=65535, kind="extremes", across=across, weights=weights)


DAMAGED = [
    Case((12, 14), 255),
    Case((12, 14), 65535, "noise", across=True),
    Case((9, 13), 65535, "extremes", across=True, model="odd", weights="furthest"),
    Case((13, 5), 1000, "noise", model="wide"),
    Case((17, 20), 4095, "air", across=True),
    Case((9, 13), 255, "restless"),
]


@cache
def model(name: str) -> Model:
    """The model that comes with the package, or one of random numbers up to their limits."""
    if name == "shipped":
        return load()
    random = np.random.default_rng(len(name))
    first, second = {"narrow": (1, 1), "odd": (13, 7), "wide": (network.WIDEST, network.WIDEST), "steps": (24, 40)}[
        name
    ]
    sizes = ((first, features.COUNT), (second, first), (3, second + features.COUNT))

    def layer(outputs: int, inputs: int) -> Layer:
        weights = random.integers(-MOST_WEIGHT, MOST_WEIGHT + 1, (outputs, inputs))
        weights[random.random(weights.shape) < 0.3] = MOST_WEIGHT
        biases = random.integers(-MOST_BIAS, MOST_BIAS + 1, outputs) >> random.integers(0, 27, outputs)
        biases[0] = MOST_BIAS
        return Layer(weights.astype(np.int16), biases.astype(np.int32))

    layers = (layer(*sizes[0]), layer(*sizes[1]), layer(*sizes[2]))
    rates = random.integers(1, 31, (2, second + features.COUNT + 1)).astype(np.int32)
    distributions = tables()
    if name == "steps":
        distributions = np.zeros((len(SHAPES), SPAN), np.uint16)
        distributions[1] = 65535
        distributions[2, SPAN // 2 :] = 65535
        distributions[3] = np.sort(random.integers(0, 65536, SPAN))
    return Model(name.encode(), Network(layers), rates, distributions)


def tile(size: tuple[int, int], highest: int, kind: str, seed: int) -> Ints:
    random = np.random.default_rng(seed)
    values: NDArray[np.generic]
    match kind:
        case "constant":
            values = np.full(size, highest // 3)
        case "noise":
            values = random.integers(0, highest + 1, size)
        case "ramp":
            values = np.linspace(0, highest, size[0] * size[1]).reshape(size)
        case "nothing":
            values = np.zeros(size)
        case "padded":  # a disc in a frame that has no pixel of it
            y, x = np.mgrid[: size[0], : size[1]] / np.array(size).reshape(2, 1, 1) - 0.5
            values = np.where(y * y + x * x < 0.16, random.integers(0, highest + 1, size), 0)
        case "air":  # flat, but for a few pixels
            values = np.where(random.random(size) < 0.004, highest, highest // 2)
        case "restless":  # flat, but every third block surprises
            values = np.where(random.random(size) < 0.02, random.integers(0, highest + 1, size), highest // 5)
        case "extremes":
            values = highest * random.integers(0, 2, size)
        case _:
            slopes = random.normal(0, 9, size).cumsum(axis=0).cumsum(axis=1)
            values = np.clip(slopes * highest / 4095 + highest // 2 + random.normal(0, 3, size), 0, highest)
    return values.astype(np.int32)


def linear_weights(how: str, solved: Ints) -> Ints:
    random = np.random.default_rng(solved.size)
    match how:
        case "solved":
            return solved
        case "single":
            found = np.zeros(solved.size, np.int64)
            found[0] = -MOST_LINEAR
        case "spread":
            found = np.full(solved.size, MOST_LINEAR // solved.size)
        case "furthest":
            found = random.choice([-1, 1], solved.size) * (MOST_LINEAR // solved.size)
        case _:
            found = np.zeros(solved.size, np.int64)
    return found.astype(np.int32)


@dataclass(frozen=True)
class Coded:
    """What the reference makes of a case."""

    model: Model
    geometry: Geometry
    values: Ints
    before: State | None
    weights: Ints
    highest: int
    data: bytes
    state: State


@cache
def coded(case: Case) -> Coded:
    used = model(case.model)
    reference, geometry, before = Reference(used), Geometry(*case.size), None
    places = geometry.everywhere()
    if case.across:
        earlier = geometry.plane_of(tile(case.size, case.highest, case.kind, seed=0))
        weights = solver.solve(geometry, earlier, None, places)
        before = reference.encode(earlier, None, geometry, weights, case.highest)[1]
    values = geometry.plane_of(tile(case.size, case.highest, case.kind, seed=1))
    solved = solver.solve(geometry, values, None if before is None else before.values, places)
    weights = linear.checked(linear_weights(case.weights, solved), across=case.across)
    data, state = reference.encode(values, before, geometry, weights, case.highest)
    return Coded(used, geometry, values, before, weights, case.highest, data, state)


def damaged(data: bytes) -> list[bytes]:
    """Streams cut short, lengthened, with bits flipped, and of noise."""
    random = np.random.default_rng(len(data))
    found = [data[:cut] for cut in (0, 1, 15, 16, 17, 18, len(data) // 2 & ~1, len(data) - 2, len(data) - 1)]
    found += [data + b"\0", data + b"\0\0", data[:16] + bytes(len(data) - 16), bytes(16), b"\xff" * 16]
    found += [data[:at] + bytes(4) + data[at + 4 :] for at in (0, 4, 8, 12)]
    for _ in range(12):
        flipped = bytearray(data)
        flipped[random.integers(len(data))] ^= 1 << random.integers(8)
        found.append(bytes(flipped))
    return found + [random.bytes(16 + 2 * length) for length in (1, 30, len(data))]


Outcome = State | str


def decoded(coder: Coder, what: Coded, data: bytes) -> Outcome:
    """The state, or the fault's words."""
    try:
        return coder.decode(data, what.before, what.geometry, what.weights, what.highest)
    except CorruptStream as fault:
        return str(fault)


@cache
def outcomes(case: Case) -> list[tuple[bytes, Outcome]]:
    what = coded(case)
    return [(data, decoded(Reference(what.model), what, data)) for data in damaged(what.data)]


def same(found: State, expected: State) -> None:
    assert np.array_equal(found.values, expected.values)
    assert np.array_equal(found.errors, expected.errors)
    assert np.array_equal(found.fine, expected.fine)
    assert {found.values.dtype, found.errors.dtype, found.fine.dtype} == {np.dtype(np.int32)}


class TileCoderSuite:
    def coder(self, model: Model) -> Coder:
        raise NotImplementedError

    @pytest.mark.parametrize("case", list(dict.fromkeys(cases())), ids=str)
    def test_the_same_bytes_and_planes(self, case: Case) -> None:
        what = coded(case)
        coder = self.coder(what.model)
        data, state = coder.encode(what.values, what.before, what.geometry, what.weights, what.highest)
        assert data == what.data
        same(state, what.state)
        back = decoded(coder, what, data)
        assert isinstance(back, State)
        same(back, what.state)

    @pytest.mark.parametrize("case", DAMAGED, ids=str)
    def test_the_same_fault_of_a_damaged_stream(self, case: Case) -> None:
        what = coded(case)
        coder = self.coder(what.model)
        faults = 0
        for data, expected in outcomes(case):
            found = decoded(coder, what, data)
            if isinstance(expected, State) and isinstance(found, State):
                same(found, expected)
            else:
                assert found == expected
                faults += 1
        assert faults > 20

    def test_an_all_flat_tile_costs_next_to_nothing(self) -> None:
        what = coded(Case((40, 133), 255, "nothing"))
        assert len(what.data) == len(
            self.coder(what.model).encode(what.values, None, what.geometry, what.weights, 255)[0]
        )
        assert len(what.data) <= 32
        assert not what.state.errors.any()
        shipped = model("shipped").network.layers[2].weights.astype(np.int64) << 16
        assert np.array_equal(what.state.fine[:, :-1], shipped)  # nothing was learned

    def test_any_numbers_in_the_tile_before(self) -> None:
        what = coded(Case(across=True, weights="furthest"))
        assert what.before is not None
        random = np.random.default_rng(3)
        wild = [random.integers(-(1 << 31), 1 << 31, what.geometry.shape).astype(np.int32) for _ in range(2)]
        before = replace(what.before, values=wild[0], errors=wild[1])
        given = (before, what.geometry, what.weights, what.highest)
        expected = Reference(what.model).encode(what.values, *given)
        data, state = self.coder(what.model).encode(what.values, *given)
        assert data == expected[0]
        same(state, expected[1])

    def test_nothing_that_was_given_is_changed(self) -> None:
        what = coded(Case(across=True))
        assert what.before is not None
        given = [what.values, what.weights, what.before.values, what.before.errors, what.before.fine]
        kept = [array.copy() for array in given]
        coder = self.coder(what.model)
        coder.decode(what.data, what.before, what.geometry, what.weights, what.highest)
        coder.encode(what.values, what.before, what.geometry, what.weights, what.highest)
        for array, copy in zip(given, kept, strict=True):
            assert np.array_equal(array, copy)

    def test_several_threads_at_once(self) -> None:
        some = [coded(Case(size, across=across)) for size in ((17, 31), (31, 17)) for across in (False, True)] * 4
        coder = self.coder(model("shipped"))

        def work(what: Coded) -> None:
            data, state = coder.encode(what.values, what.before, what.geometry, what.weights, what.highest)
            assert data == what.data
            same(state, what.state)
            back = decoded(coder, what, data)
            assert isinstance(back, State)
            same(back, what.state)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, some))
