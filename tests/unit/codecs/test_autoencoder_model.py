"""autoencoder: model files, and which one a stream names."""

import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import zstandard

from contracts.coefficient_coder_suite import MODELS
from contracts.coefficient_coder_suite import model as made
from medarchive.codecs.autoencoder import model
from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.network import MOST_BIAS, MOST_WEIGHT, WIDEST, Layer, Network
from medarchive.errors import CorruptStream, UnknownCodec


def same(one: Model, other: Model) -> bool:
    layers = [[layer for network in each.networks for layer in network.layers] for each in (one, other)]
    return np.array_equal(one.chances, other.chances) and all(
        np.array_equal(a.weights, b.weights) and np.array_equal(a.biases, b.biases)
        for a, b in zip(*layers, strict=True)
    )


@pytest.mark.parametrize("name", ["shipped", *MODELS])
def test_a_model_is_its_bytes(name: str) -> None:
    kept = made(name)
    data = Model.write(kept.networks, kept.chances)
    again = Model.read(data)
    assert same(kept, again)
    assert again.sha256 == hashlib.sha256(data).digest()
    assert again.identity == again.sha256[: model.IDENTITY]


def test_the_shipped_one_is_small_and_found_by_its_identity() -> None:
    shipped = model.load()
    assert len(Model.write(shipped.networks, shipped.chances)) < 1_000_000
    assert model.load(shipped.identity).sha256 == shipped.sha256


def test_an_identity_that_is_not_here() -> None:
    with pytest.raises(UnknownCodec, match=r"model 00000000 .* newer medarchive"):
        model.load(bytes(4))


DATA = Model.write(made("narrow").networks, made("narrow").chances)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 12, 13, 14, len(DATA) // 2, len(DATA) - 1])
def test_one_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(CorruptStream):
        Model.read(DATA[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"x" + DATA[1:],
        DATA[:8] + b"\2" + DATA[9:],
        DATA[:9] + struct.pack("<HH", 0, 1) + DATA[13:],
        DATA[:9] + struct.pack("<HH", 1, WIDEST + 1) + DATA[13:],
        DATA[:9] + struct.pack("<HH", 2, 1) + DATA[13:],
        DATA[:13] + zstandard.compress(b""),
        DATA + b"\0",
        DATA[:13] + b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 40) + bytes(20),
        DATA + bytes(5 << 20),
    ],
    ids=["magic", "version", "width 0", "too wide", "other width", "empty", "a byte more", "2^40 bytes", "5 MiB"],
)
def test_one_that_is_damaged_is_refused_before_memory_is_taken(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CorruptStream):
            Model.read(data)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_flipped_bit_is_another_model_or_none() -> None:
    for position in range(0, len(DATA), 1 + len(DATA) // 300):
        changed = bytearray(DATA)
        changed[position] ^= 1 << position % 8
        try:
            assert Model.read(bytes(changed)).sha256 != hashlib.sha256(DATA).digest()
        except CorruptStream:
            continue


def heavier(layer: Layer) -> Layer:
    return replace(layer, weights=layer.weights * 0 - np.int16(MOST_WEIGHT + 1))


def more_biased(layer: Layer) -> Layer:
    return replace(layer, biases=layer.biases * 0 + MOST_BIAS + 1)


@pytest.mark.parametrize("worse", [heavier, more_biased])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_numbers_beyond_their_limits_are_refused(at: int, worse: Callable[[Layer], Layer]) -> None:
    good = made("narrow")
    layers = list(good.networks[-1].layers)
    layers[at] = worse(layers[at])
    networks = (*good.networks[:-1], Network((layers[0], layers[1], layers[2])))
    with pytest.raises(CorruptStream, match="limits"):
        Model.read(Model.write(networks, good.chances))


def test_a_chance_of_nothing_is_refused() -> None:
    good = made("narrow")
    chances = good.chances.copy()
    chances[700] = 0
    with pytest.raises(CorruptStream, match="chances"):
        Model.read(Model.write(good.networks, chances))
