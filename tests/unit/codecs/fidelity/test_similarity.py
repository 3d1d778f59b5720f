"""SSIM and MS-SSIM against their definitions, written out plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from medarchive.codecs.fidelity.similarity import WEIGHTS, ms_ssim, similarity, ssim
from medarchive.errors import UnsupportedImage

Picture = NDArray[np.float64]


def pair(shape: tuple[int, int], spread: float, seed: int = 1) -> tuple[Picture, Picture]:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    picture = 120 + 60 * np.sin(rows / 9) * np.cos(columns / 7) + rng.normal(0, 8, shape)
    return picture, picture + rng.normal(0, spread, shape)


def by_the_book(a: Picture, b: Picture, peak: float) -> tuple[float, float]:
    """The mean of equation 13, and of its second factor, in double precision, one window after the other."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    full, contrast = [], []
    for row in range(a.shape[0] - 10):
        for column in range(a.shape[1] - 10):
            x, y = (p[row : row + 11, column : column + 11] for p in (a, b))
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
            cov = (window * (x - mean_x) * (y - mean_y)).sum()
            contrast.append((2 * cov + c2) / (var_x + var_y + c2))
            full.append(contrast[-1] * (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1))
    return float(np.mean(full)), float(np.mean(contrast))


def test_ssim_is_the_papers() -> None:
    a, b = pair((40, 33), 12)
    assert ssim(a, b, peak=255) == pytest.approx(by_the_book(a, b, 255)[0], abs=2e-6)


def test_ssim_keeps_its_digits_far_from_zero() -> None:
    a, b = pair((30, 30), 5)
    expected = by_the_book(a + 30_000, b + 30_000, 400)[0]
    assert ssim(a + 30_000, b + 30_000, peak=400) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_is_the_papers_on_five_scales() -> None:
    a, b = pair((178, 177), 20)
    x, y, product = a, b, 1.0
    for scale, weight in enumerate(WEIGHTS):
        full, contrast = by_the_book(x, y, 255)
        product *= (full if scale == 4 else contrast) ** weight
        rows, columns = (side // 2 for side in x.shape)
        x, y = (p[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)) for p in (x, y))
    assert ms_ssim(a, b, peak=255) == pytest.approx(product, abs=1e-5)


def test_both_at_once_are_the_two() -> None:
    a, b = pair((64, 50), 9)
    assert similarity(a, b, peak=255) == (ssim(a, b, peak=255), ms_ssim(a, b, peak=255))


def test_only_the_places_that_count_count() -> None:
    a, b = pair((64, 64), 20)
    b[:, :32] = a[:, :32]
    left, right = (np.zeros((64, 64), bool) for _ in range(2))
    left[:, :20], right[:, 44:] = True, True
    assert similarity(a, b, peak=255, where=left)[0] == pytest.approx(1, abs=1e-6)
    assert similarity(a, b, peak=255, where=right)[0] < similarity(a, b, peak=255)[0]
    everywhere = np.ones((64, 64), bool)
    assert similarity(a, b, peak=255, where=everywhere) == pytest.approx(similarity(a, b, peak=255))
    assert similarity(a, b, peak=255, where=~everywhere) == (1, 1)
    with pytest.raises(UnsupportedImage):
        similarity(a, b, peak=255, where=np.ones((64, 63), bool))


def test_fewer_scales_where_five_do_not_fit() -> None:
    a, b = pair((21, 21), 15)
    assert ms_ssim(a, b, peak=255) == pytest.approx(ssim(a, b, peak=255))
    a, b = pair((22, 22), 15)
    assert ms_ssim(a, b, peak=255) != pytest.approx(ssim(a, b, peak=255))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.5, 60), st.integers(0, 1000))
def test_of_any_size_equal_is_one_and_order_does_not_matter(rows: int, columns: int, spread: float, seed: int) -> None:
    a, b = pair((rows, columns), spread, seed)
    assert similarity(a, a, peak=255) == pytest.approx((1, 1), abs=1e-5)
    forth, back = similarity(a, b, peak=255), similarity(b, a, peak=255)
    assert forth == pytest.approx(back, abs=1e-4)
    assert forth[0] <= 1 + 1e-5
    assert 0 <= forth[1] <= 1 + 1e-5


def test_more_noise_is_less_alike() -> None:
    values = [similarity(*pair((100, 100), spread), peak=255) for spread in (1, 4, 16, 64)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("a", "b", "peak"),
    [
        (np.zeros((8, 8)), np.zeros((8, 9)), 255),
        (np.zeros((8, 8, 1)), np.zeros((8, 8, 1)), 255),
        (np.zeros((0, 8)), np.zeros((0, 8)), 255),
        (np.zeros((8, 8)), np.full((8, 8), np.nan), 255),
        (np.zeros((8, 8)), np.zeros((8, 8)), 0),
        (np.zeros((8, 8)), np.zeros((8, 8)), np.nan),
    ],
)
def test_what_cannot_be_compared_is_refused(a: Picture, b: Picture, peak: float) -> None:
    with pytest.raises(UnsupportedImage):
        similarity(a, b, peak=peak)
