"""autoencoder: the transform, the steps of its bands, and where in them coefficients are put back."""

from itertools import pairwise, product

import numpy as np
import pytest

from contracts.coefficient_coder_suite import coefficients
from contracts.pictures import slice_like
from medarchive.codecs.autoencoder import model, plane, points, steps, transform, wavelet
from medarchive.codecs.autoencoder.backend import coder
from medarchive.codecs.autoencoder.pyramid import Pyramid

SHAPES = [(1, 1), (1, 2), (2, 1), (4, 4), (1, 61), (61, 1), (5, 6), (3, 40), (37, 23), (64, 64), (65, 33)]


class TestTransform:
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_the_inverse_is_close(self, shape: tuple[int, int]) -> None:
        """A sum that lies right between two integers is rounded up both ways: a few 64ths of a stored unit."""
        values = np.random.default_rng(1).integers(-(1 << 22), 1 << 22, shape)
        assert int(np.abs(wavelet.synthesised(wavelet.analysed(values)) - values).max()) <= 4

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_a_pyramid_has_each_coefficient_once(self, shape: tuple[int, int]) -> None:
        pyramid = Pyramid.of(shape, np.arange(shape[0] * shape[1]))
        parts = [pyramid.low, *(band for level in reversed(pyramid.levels) for band in level)]
        assert np.concatenate([part.reshape(-1) for part in parts]).tolist() == pyramid.flat.tolist()
        assert max(pyramid.low.shape) <= 4
        assert len(pyramid.levels) == wavelet.level_count(*shape)

    def test_stored_units_are_64_of_its_own(self) -> None:
        values = slice_like(45, 38).astype(np.int64)
        assert np.array_equal(transform.synthesised(transform.analysed(values)), values)

    def test_smooth_planes_have_small_details(self) -> None:
        y, x = np.mgrid[:40, :56]
        found = transform.analysed((3 * x + 5 * y).astype(np.int64))
        inside = [band[2:-2, 2:-2] for band in found.levels[0]]
        assert max(int(np.abs(band).max()) for band in inside) <= 4  # in 1/64

    def test_a_step_moves_pixels_equally_far_in_every_band(self) -> None:
        """An impulse of one step in a band has the energy of the image's step: the norms are the transform's."""
        shape, number = (128, 128), steps.nearest(64.0)
        for level, band in product(range(4), range(3)):
            impulse = Pyramid.of(shape, np.zeros(shape[0] * shape[1], np.int64))
            middle = impulse.levels[level][band].shape[0] // 2
            impulse.levels[level][band][middle, middle] = 1000 * steps.of_band(number, level, band)
            found = wavelet.synthesised(wavelet.Bands(impulse.low, impulse.levels)).astype(float)
            assert np.sqrt((found * found).sum()) / 1000 / 64 == pytest.approx(64, rel=0.02)


class TestSteps:
    def test_they_grow_and_are_found_again(self) -> None:
        sizes = [steps.size(number) for number in range(steps.MOST + 1)]
        assert all(less < more for less, more in pairwise(sizes))
        assert sizes[0] == 1 << 12
        assert sizes[-1] == 1 << 32
        assert [steps.nearest(size / 65536) for size in sizes] == list(range(steps.MOST + 1))
        assert steps.nearest(1e-9) == 0
        assert steps.nearest(1e12) == steps.MOST

    def test_no_band_has_a_step_of_nothing(self) -> None:
        for level, band in product(range(17), range(3)):
            found = [steps.of_band(number, level, band) for number in range(0, steps.MOST + 1, 32)]
            assert found[0] >= 1
            assert found == sorted(found)


class TestPoints:
    def test_they_leave_a_smaller_error_than_none(self) -> None:
        values, number = slice_like(48, 48).astype(np.int64), steps.nearest(40.0)
        pyramid = plane.latents(values, number, coder(model.load()))
        exact = transform.analysed(values - round(float(values.mean())))
        chosen = points.found(pyramid, exact, number)
        assert len(chosen) == points.COUNT
        assert set(chosen) <= set(range(16))

        def error(at: list[int]) -> float:
            missed = transform.synthesised(points.restored(pyramid, number, at)) - transform.synthesised(exact)
            return float((missed * missed).mean())

        assert error(chosen) < error([0] * points.COUNT)

    def test_they_are_symmetric(self) -> None:
        pyramid = coefficients((30, 22), "dense")
        turned = Pyramid.of(pyramid.shape, -pyramid.flat)
        some = [3, 1, 15, 0, 7, 2]
        here, there = (points.restored(each, 77, some).flat for each in (pyramid, turned))
        assert np.array_equal(here, -there)
