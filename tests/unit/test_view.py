"""What a display shows of values, by PS3.3 C.11.2.1."""

import numpy as np
import pytest

from medarchive.view import Lookup, View, luminance, robust_range

VALUES = np.array([[-1000, 0, 40, 80, 1000]], np.float32)


def test_linear_exact() -> None:
    assert View(VALUES, (40, 80)).shown().tolist() == [[0, 0, 0.5, 1, 1]]


def test_linear_reaches_black_and_white_half_a_value_earlier() -> None:
    shown = View(VALUES, (40, 81), function="LINEAR").shown()
    assert shown.ravel()[2] == pytest.approx((40 - 39.5) / 80 + 0.5)
    assert View(np.array([[0, 255, 128]], np.float32), (128, 256), function="LINEAR").shown()[0, :2].tolist() == [0, 1]


def test_sigmoid() -> None:
    shown = View(VALUES, (40, 80), function="SIGMOID").shown().ravel()
    assert shown[2] == 0.5
    assert shown[3] == pytest.approx(1 / (1 + np.exp(-2)))
    assert np.isfinite(shown).all()


def test_another_window_than_the_object_wants() -> None:
    table = Lookup(0, np.array([1, 0], np.float32))
    assert View(VALUES, (0, 1), table=table).shown((40, 80)).tolist() == [[0, 0, 0.5, 1, 1]]


def test_a_table_comes_before_the_window() -> None:
    table = Lookup(-1, np.array([0.25, 0.5, 0.75], np.float32))
    values = np.array([[-9, -1, 0, 0.6, 9]], np.float32)
    assert View(values, (0, 1), table=table).shown().tolist() == [[0.25, 0.25, 0.5, 0.75, 0.75]]


def test_monochrome1_is_inverted_and_padding_black() -> None:
    valid = np.array([[False, True, True, True, True]])
    assert View(VALUES, (40, 80), inverted=True, valid=valid).shown().tolist() == [[0, 1, 0.5, 0, 0]]


def test_without_a_window_the_values_decide_and_padding_does_not_count() -> None:
    values = np.tile(np.linspace(100, 200, 100, dtype=np.float32), (100, 1))
    values[:10] = -30000
    valid = values > -30000
    shown = View(values, None, valid=valid).shown()
    assert shown[50, 0] == 0
    assert shown[50, 99] == 1
    assert shown[50, 50] == pytest.approx(0.5, abs=0.02)
    assert not shown[:10].any()


@pytest.mark.parametrize("value", [0, -5, 4096])
def test_a_constant_frame_is_shown(value: float) -> None:
    shown = View(np.full((4, 4), value, np.float32), None).shown()
    assert shown.dtype == np.float32
    assert np.isfinite(shown).all()
    all_padding = View(np.full((4, 4), value, np.float32), None, valid=np.zeros((4, 4), np.bool_)).shown()
    assert not all_padding.any()


def test_pictures() -> None:
    grey = np.array([[0, 51, 255]], np.uint8)
    assert View.of_picture(grey).shown() == pytest.approx(np.array([[0, 0.2, 1]]))
    assert View.of_picture(grey[..., None]).shown() == pytest.approx(np.array([[0, 0.2, 1]]))
    colours = np.array([[[255, 0, 0, 7], [0, 255, 0, 7], [0, 0, 255, 7]]], np.uint8)
    assert View.of_picture(colours).shown() == pytest.approx(np.array([[0.299, 0.587, 0.114]]))
    assert luminance(np.full((2, 3, 3), 9, np.uint8)) == pytest.approx(np.full((2, 3), 9))


def test_the_robust_range_leaves_a_large_background_out() -> None:
    values = np.concatenate([np.zeros(500), np.linspace(10, 20, 501), np.full(3, 9999)])
    low, high = robust_range(values)
    assert low == pytest.approx(10, abs=0.1)
    assert high == pytest.approx(20, abs=0.1)
