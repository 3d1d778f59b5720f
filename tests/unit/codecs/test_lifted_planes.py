"""Planes by a learned transform: encoder and decoder agree, and each level's error is its own."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.lifting_models import model
from medarchive.codecs.autoencoder import Autoencoder, plane
from medarchive.codecs.autoencoder import model as entropy_model
from medarchive.codecs.autoencoder.backend import coder
from medarchive.codecs.autoencoder.learned import Learned, learned
from medarchive.codecs.autoencoder.lifting import Lifting
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.codecs.wire import Reader
from medarchive.errors import UnknownCodec
from medarchive.image import Image


def picture(rows: int, columns: int) -> NDArray[np.int64]:
    """A disc in noise."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:rows, :columns]
    disc = 700 * ((y - rows / 2) ** 2 + (x - columns / 3) ** 2 < (rows / 3) ** 2)
    noisy: NDArray[np.int64] = np.rint(1000 + disc + random.normal(0, 12, (rows, columns))).astype(np.int64)
    return noisy


def test_a_plane_comes_back_wherever_it_is_decoded() -> None:
    networks, values = model(), picture(45, 61)
    used = coder(entropy_model.load())
    step = plane.step_of(values, 60)
    data = plane.encode(values, step, used, 2, learned(networks))

    def found(transform: Learned) -> NDArray[np.int64]:
        reader = Reader(data)
        decoded = plane.decode(
            reader, values.shape[0], values.shape[1], used, lambda identity: _named(transform, identity)
        )
        assert not reader.left
        return decoded.values

    normative = Learned(networks.identity, Lifting(networks), Lifting(networks.predicting()))
    assert np.array_equal(found(learned(networks)), found(normative))


def test_networks_of_nonsense_cost_bits_but_no_fidelity() -> None:
    """An encoder knows what they will say: it corrects what they expect, and refines nowhere."""
    values, used = picture(64, 64), coder(entropy_model.load())
    step = plane.step_of(values, 80)
    nonsense = learned(model())

    def coded(transform: Learned | None) -> tuple[int, float]:
        data = plane.encode(values, step, used, 1, transform)
        decoded = plane.decode(Reader(data), 64, 64, used, lambda identity: _named(nonsense, identity))
        return len(data), float(np.sqrt(np.mean((decoded.values - values) ** 2)))

    (with_it, missed), (without, least) = coded(nonsense), coded(None)
    assert with_it > without
    assert missed < 1.2 * least


def test_the_kernel_quantises_levels_as_the_reference_does() -> None:
    used = entropy_model.load()
    random = np.random.default_rng(4)
    rounded = random.laplace(0, 1.5, 1200).astype(np.int32)
    scaled = (rounded + random.uniform(-0.5, 0.5, 1200)).astype(np.float32)
    for levels in (range(1), range(1, 2), range(1, 9)):
        found = [Pyramid.of((40, 30), rounded.copy()) for _ in range(2)]
        coder(used).quantise(found[0], scaled, 0.15, 0.05, levels)
        Reference(used).quantise(found[1], scaled, 0.15, 0.05, levels)
        assert np.array_equal(found[0].flat, found[1].flat)
        for level, bands in enumerate(Pyramid.of((40, 30), rounded).levels):
            kept = all(np.array_equal(*pair) for pair in zip(bands, found[0].levels[level], strict=True))
            assert kept is (level not in levels)


def test_either_transform_can_be_chosen_and_any_is_decoded() -> None:
    image = Image(picture(96, 80).astype(np.uint16)[np.newaxis, :, :, np.newaxis], 12)
    streams = {lifted: Autoencoder(lifted=lifted).encode_lossy(image, quality=40) for lifted in (True, False)}
    assert streams[True] != streams[False]
    for stream in streams.values():
        missed = Autoencoder().decode(stream).pixels.astype(int) - image.pixels
        assert np.sqrt(np.mean(missed**2)) < 40
    assert Autoencoder().encode_lossy(image, quality=40) == streams[True]
    quick = Autoencoder(lifted=False).encode_lossy(image, quality=40, effort=1)
    assert Autoencoder().encode_lossy(image, quality=40, effort=1) == quick


def test_a_transform_that_is_not_here_is_named() -> None:
    values, used, networks = picture(20, 20), coder(entropy_model.load()), model()
    data = plane.encode(values, plane.step_of(values, 50), used, 0, learned(networks))
    with pytest.raises(UnknownCodec, match=networks.identity.hex()):
        plane.decode(Reader(data), 20, 20, used)


def _named(transform: Learned, identity: bytes) -> Learned:
    assert identity == transform.identity
    return transform
