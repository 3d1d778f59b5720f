"""What every coder of coefficients must do: the very bytes, coefficients, faults and bargains of ``Reference``."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from medarchive.codecs.autoencoder.backend import Coder
from medarchive.codecs.autoencoder.context import COUNTS
from medarchive.codecs.autoencoder.decisions import MOST_SIZE
from medarchive.codecs.autoencoder.model import Model, load, logistic
from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_LOGIT, MOST_WEIGHT, OUTPUTS, WIDEST, Layer, Network
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.errors import CorruptStream

SIZES = [(1, 1), (4, 4), (5, 5), (1, 50), (50, 1), (3, 2), (2, 7), (17, 31), (31, 17), (32, 32), (6, 401), (130, 9)]
MODELS = {"narrow": (1, 1), "odd": (13, 7), "even": (24, 40), "wide": (WIDEST, WIDEST)}
MOST_LOW = (1 << 30) - 1

Quantised = Pyramid[np.int32]
Random = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A plane's coefficients, and the model that codes them."""

    size: tuple[int, int] = (19, 26)
    kind: str = "usual"
    model: str = "shipped"

    def __str__(self) -> str:
        return f"{self.size[0]}x{self.size[1]}-{self.kind}-{self.model}"


@cache
def model(name: str) -> Model:
    """The model that comes with the package, or one of random numbers up to their limits."""
    if name == "shipped":
        return load()
    random = np.random.default_rng(len(name))
    first, second = MODELS[name]

    def layer(outputs: int, inputs: int) -> Layer:
        weights = random.integers(-MOST_WEIGHT, MOST_WEIGHT + 1, (outputs, inputs))
        weights[random.random(weights.shape) < 0.3] = MOST_WEIGHT
        weights[random.random(weights.shape) < 0.2] = -MOST_WEIGHT
        biases = random.integers(-MOST_BIAS, MOST_BIAS + 1, outputs) >> random.integers(0, 27, outputs)
        biases[0] = MOST_BIAS
        return Layer(weights.astype(np.int16), biases.astype(np.int32))

    networks = tuple(Network((layer(first, count), layer(second, first), layer(OUTPUTS, second))) for count in COUNTS)
    chances = logistic()
    if name == "odd":
        chances = np.sort(random.integers(1, 65536, 2 * MOST_LOGIT + 1)).astype(np.uint16)
        chances[0], chances[-1] = 1, 65535
    return Model(name.encode(), networks, chances)


def sparse(pyramid: Quantised, random: Random) -> None:
    count = pyramid.flat.size
    pyramid.flat[:] = np.where(random.random(count) < 0.03, random.integers(-3, 4, count), 0)


def usual(pyramid: Quantised, random: Random) -> None:
    """As planes of pictures have them: less at the finer levels."""
    for number, level in enumerate(pyramid.levels):
        for band in level:
            band[...] = np.rint(random.laplace(0, 0.4 * 2**number, band.shape))
    pyramid.low[...] = random.integers(-9000, 9000, pyramid.low.shape)


def dense(pyramid: Quantised, random: Random) -> None:
    pyramid.flat[:] = np.rint(random.laplace(0, 40, pyramid.flat.size))


def large(pyramid: Quantised, random: Random) -> None:
    pyramid.flat[:] = random.integers(-70_000, 70_000, pyramid.flat.size)


def largest(pyramid: Quantised, random: Random) -> None:
    """Sizes around powers of two, up to the limit."""
    count = pyramid.flat.size
    sizes = (1 << random.integers(0, 31, count)) - random.integers(0, 2, count)
    pyramid.flat[:] = sizes * random.choice([-1, 1], count)
    pyramid.low[...] = random.choice([-MOST_LOW, 0, MOST_LOW], pyramid.low.shape)


def mixed(pyramid: Quantised, random: Random) -> None:
    """At each level an empty band, a loud one, and one of a single coefficient."""
    for level in pyramid.levels:
        empty, loud, single = (level[number] for number in random.permutation(3))
        empty[...] = 0
        loud[...] = np.rint(random.laplace(0, 300, loud.shape))
        if single.size:
            single.flat[-1] = -1


def one_band(pyramid: Quantised, random: Random) -> None:
    for level in pyramid.levels[-1:]:
        level[1][...] = random.integers(1, 9, level[1].shape)


def low_alone(pyramid: Quantised, random: Random) -> None:
    pyramid.low[...] = random.integers(-9000, 9000, pyramid.low.shape)


FILLED = (sparse, usual, dense, large, largest, mixed, one_band, low_alone)
KINDS = ["nothing", *(fill.__name__ for fill in FILLED)]


def coefficients(size: tuple[int, int], kind: str, seed: int = 0) -> Quantised:
    """A plane's, quantised."""
    pyramid = Pyramid.zeros(size)
    for fill in FILLED:
        if fill.__name__ == kind:
            fill(pyramid, np.random.default_rng(seed))
    return pyramid


def cases() -> Iterator[Case]:
    for size in SIZES:
        yield Case(size)
    for kind in KINDS:
        yield Case(kind=kind)
        yield Case((9, 23), kind, "odd")
    for model in MODELS:
        yield Case(model=model)
        yield Case((12, 55), "largest", model)


DAMAGED = [Case((12, 14)), Case((9, 13), "largest", "odd"), Case((21, 6), "mixed", "wide"), Case((8, 30), "sparse")]


def copy(pyramid: Quantised) -> Quantised:
    return Pyramid.of(pyramid.shape, pyramid.flat.copy())


@dataclass(frozen=True)
class Coded:
    """What the reference makes of a case."""

    model: Model
    pyramid: Quantised
    data: bytes


@cache
def coded(case: Case) -> Coded:
    used, pyramid = model(case.model), coefficients(case.size, case.kind)
    return Coded(used, pyramid, Reference(used).encode(copy(pyramid)))


def damaged(data: bytes) -> list[bytes]:
    """Streams cut short, lengthened, with bits flipped, and of noise."""
    random = np.random.default_rng(len(data))
    found = [data[:cut] for cut in (0, 1, 3, 4, 5, 6, len(data) // 2 & ~1, len(data) - 2, len(data) - 1)]
    found += [data + b"\0", data + b"\0\0", data[:4] + bytes(len(data) - 4), bytes(4), b"\xff" * 4, b"\xff" * 400]
    found += [b"\0\0\1\0" + bytes(2 * count) for count in (0, 1, 40)]  # the least state that there can be
    for _ in range(12):
        flipped = bytearray(data)
        flipped[random.integers(len(data))] ^= 1 << random.integers(8)
        found.append(bytes(flipped))
    return found + [random.bytes(4 + 2 * length) for length in (1, 9, 30, len(data)) for _ in range(3)]


Outcome = bytes | str


def decoded(coder: Coder, shape: tuple[int, int], data: bytes) -> Outcome:
    """The coefficients, or the fault's words."""
    pyramid = Pyramid.zeros(shape)
    try:
        coder.decode(data, pyramid)
    except CorruptStream as fault:
        return str(fault)
    return pyramid.flat.tobytes()


@cache
def outcomes(case: Case) -> list[tuple[bytes, Outcome]]:
    what = coded(case)
    return [(data, decoded(Reference(what.model), what.pyramid.shape, data)) for data in damaged(what.data)]


BARGAINS = [
    (Case(), 0.15),
    (Case((12, 55), "dense"), 0.15),
    (Case((12, 55), "large", "odd"), 0.4),
    (Case((15, 40), "largest", "wide"), 1e-3),
    (Case((9, 23), "one_band"), 0.15),
    (Case((14, 60), "sparse", "even"), 0.05),
]


def scaled(case: Case) -> np.ndarray:
    """Coefficients in steps, which a case's may have come from; some of them right between two integers."""
    random = np.random.default_rng(5)
    flat = coded(case).pyramid.flat
    found = flat + random.uniform(-0.7, 0.7, flat.size)
    halves = random.random(flat.size) < 0.1
    return np.where(halves, np.floor(found) + 0.5, found).astype(np.float32)


@cache
def bargain(case: Case, price: float) -> bytes:
    what = coded(case)
    pyramid = copy(what.pyramid)
    Reference(what.model).quantise(pyramid, scaled(case), price, 0.05)
    return pyramid.flat.tobytes()


class CoefficientCoderSuite:
    def coder(self, model: Model) -> Coder:
        raise NotImplementedError

    @pytest.mark.parametrize("case", list(dict.fromkeys(cases())), ids=str)
    def test_the_same_bytes_and_coefficients(self, case: Case) -> None:
        what = coded(case)
        coder = self.coder(what.model)
        assert coder.encode(copy(what.pyramid)) == what.data
        assert decoded(coder, what.pyramid.shape, what.data) == what.pyramid.flat.tobytes()

    @pytest.mark.parametrize("case", DAMAGED, ids=str)
    def test_the_same_fault_of_a_damaged_stream(self, case: Case) -> None:
        what = coded(case)
        coder = self.coder(what.model)
        faults = 0
        for data, expected in outcomes(case):
            assert decoded(coder, what.pyramid.shape, data) == expected
            faults += isinstance(expected, str)
        assert faults > 20

    @pytest.mark.parametrize(("case", "price"), BARGAINS, ids=str)
    def test_the_same_bargains(self, case: Case, price: float) -> None:
        what = coded(case)
        coder, pyramid = self.coder(what.model), copy(what.pyramid)
        coder.quantise(pyramid, scaled(case), price, 0.05)
        assert pyramid.flat.tobytes() == bargain(case, price)

    def test_a_coefficient_beyond_its_bound_is_refused(self) -> None:
        pyramid = coefficients((9, 9), "usual")
        for beyond in (MOST_SIZE + 1, -MOST_SIZE - 1):
            pyramid.levels[0][2][1, 1] = beyond
            with pytest.raises(ValueError, match="beyond all bounds"):
                self.coder(model("shipped")).encode(pyramid)

    def test_an_empty_plane_costs_next_to_nothing(self) -> None:
        pyramid = coefficients((300, 200), "nothing")
        data = self.coder(model("shipped")).encode(pyramid)
        assert len(data) < 24
        assert decoded(self.coder(model("shipped")), (300, 200), data) == pyramid.flat.tobytes()

    def test_coding_changes_nothing_that_was_given(self) -> None:
        what = coded(Case())
        pyramid, data = copy(what.pyramid), bytes(what.data)
        coder = self.coder(what.model)
        coder.encode(pyramid)
        decoded(coder, pyramid.shape, data)
        assert np.array_equal(pyramid.flat, what.pyramid.flat)
        steps = scaled(Case())
        kept = steps.copy()
        coder.quantise(pyramid, steps, 0.15, 0.05)
        assert np.array_equal(steps, kept)

    def test_several_threads_at_once(self) -> None:
        some = [coded(Case(size)) for size in ((17, 31), (31, 17), (4, 4), (2, 7))] * 4
        coder = self.coder(model("shipped"))

        def work(what: Coded) -> None:
            assert coder.encode(copy(what.pyramid)) == what.data
            assert decoded(coder, what.pyramid.shape, what.data) == what.pyramid.flat.tobytes()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, some))
