"""autoencoder: no kernel codes before it has coded a small plane as the normative coder does."""

import time
from itertools import product

import numpy as np
import pytest

from contracts.coefficient_coder_suite import Quantised, model
from medarchive.codecs.autoencoder import Autoencoder, backend
from medarchive.codecs.autoencoder.context import sites
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.errors import CorruptStream

SETS = instruction_sets()
pytestmark = pytest.mark.skipif(not SETS, reason="the kernel was not built: no C compiler")


@pytest.fixture(autouse=True)
def at_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been coded yet."""
    monkeypatch.setattr(backend, "_known", {})


class OtherBytes(Native):
    """Makes a stream of its own kind."""

    def encode(self, pyramid: Quantised) -> bytes:
        return super().encode(pyramid) + b"\0\0"


class OtherCoefficients(Native):
    """Decodes the last coefficient wrongly."""

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        super().decode(data, pyramid)
        pyramid.flat[-1] += 1


class Refuses(Native):
    """Finds fault with every stream."""

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        raise CorruptStream("none of mine")


def test_a_sound_kernel_is_used_with_its_first_instruction_set(caplog: pytest.LogCaptureFixture) -> None:
    used = backend.coder(model("shipped"))
    assert isinstance(used, Native)
    assert used.instructions == SETS[0]
    assert backend.coder(model("shipped")) is used
    assert backend.remark() == Autoencoder().remark == f"C kernel, {SETS[0]}"
    assert not caplog.records


@pytest.mark.parametrize("broken", [OtherBytes, OtherCoefficients, Refuses])
def test_a_broken_kernel_is_not_used(
    broken: type[Native], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "Native", broken)
    used = backend.coder(model("shipped"))
    assert type(used) is Reference
    assert backend.coder(model("shipped")) is used
    assert [name for record in caplog.records for name in SETS if f" {name} " in record.getMessage()] == SETS
    assert "faulty" in backend.remark()


@pytest.mark.skipif(len(SETS) < 2, reason="one instruction set is all there is here")
def test_another_instruction_set_is_used_where_the_first_is_broken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def first_broken(used: object, name: str) -> Native:
        return (OtherBytes if name == SETS[0] else Native)(model("shipped"), name)

    monkeypatch.setattr(backend, "Native", first_broken)
    used = backend.coder(model("shipped"))
    assert type(used) is Native
    assert used.instructions == SETS[1]
    assert SETS[0] in caplog.text


def test_the_golden_plane_asks_every_network_and_takes_no_time() -> None:
    golden, asked = backend._golden(), set()
    for level, (band, number) in product(golden.levels, product(range(3), range(4))):
        if level[band].any() and 0 not in sites(level[band].shape, number):
            asked.add((band, number))
    assert len(asked) == 12
    assert len(np.unique(np.abs(golden.flat))) > 15
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        backend._first_proven(model("shipped"))
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.1  # 7 ms on an idle machine; this one may be busy
