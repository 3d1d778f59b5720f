"""BD-rate on curves whose answer is known."""

import math

import numpy as np
import pytest

from medarchive.bench.lossy.bdrate import Monotone, bd_rate, frontier, most_rate, quality_at

RATES = [tenth / 10 for tenth in range(1, 11)]


def quality(rate: float) -> float:
    return 45 + 9 * math.log(rate) + 0.4 * math.log(rate) ** 2 - 2 * rate


CURVE = [(rate, quality(rate)) for rate in RATES]


@pytest.mark.parametrize("factor", [0.7, 0.85, 1.0, 1.3])
def test_a_constant_factor_in_rate_is_exactly_the_bd_rate(factor: float) -> None:
    scaled = [(factor * rate, at) for rate, at in CURVE]
    assert bd_rate(scaled, CURVE) == pytest.approx(factor - 1, abs=1e-12)
    assert most_rate(scaled, CURVE) == pytest.approx(factor, abs=1e-12)


def test_curves_that_are_lines_in_log_rate_and_cross() -> None:
    # log rate = q and log rate = 2 q - 1 on 0..3: the difference, q - 1, has the mean 1/2, and 2 at the end
    steep = [(math.exp(2 * q - 1), q) for q in np.linspace(0, 3, 7)]
    flat = [(math.exp(q), q) for q in np.linspace(0, 3, 4)]
    assert bd_rate(steep, flat) == pytest.approx(math.exp(0.5) - 1)
    assert most_rate(steep, flat) == pytest.approx(math.exp(2))
    part = [point for point in flat if point[1] <= 2]  # on 0..2 the mean is 0
    assert bd_rate(steep, part) == pytest.approx(0, abs=1e-12)
    there, back = bd_rate(steep, flat), bd_rate(flat, steep)
    assert there is not None
    assert back is not None
    assert (1 + there) * (1 + back) == pytest.approx(1)


def test_disjoint_qualities_have_no_overlap() -> None:
    better = [(rate, at + 100) for rate, at in CURVE]
    assert bd_rate(better, CURVE) is None
    assert most_rate(better, CURVE) is None
    assert bd_rate(CURVE[:1], CURVE) is None
    assert bd_rate([], CURVE) is None


def test_points_that_are_beaten_or_lossless_do_not_count() -> None:
    worse = [(0.55, quality(0.3)), (0.2, quality(0.2) - 1), (3.0, math.inf)]
    assert frontier([*CURVE, *worse]) == CURVE
    assert bd_rate([*CURVE, *worse], CURVE) == pytest.approx(0, abs=1e-12)


def test_a_monotone_curve_passes_through_its_points_and_swings_nowhere() -> None:
    x = np.array([0.0, 1, 2, 3, 4, 6, 7])
    y = np.array([0.0, 0, 0, 1, 10, 10, 11])
    curve = Monotone(x, y)
    assert curve(x) == pytest.approx(y)
    fine = curve(np.linspace(0, 7, 701))
    assert (np.diff(fine) >= -1e-12).all()
    assert fine.max() <= 11
    line = Monotone([0, 1, 3, 4], [1, 3, 7, 9])
    assert line([0.3, 2.2, 3.9]) == pytest.approx([1.6, 5.4, 8.8])
    with pytest.raises(ValueError, match="two points"):
        Monotone([0, 0], [1, 2])


def test_quality_at_a_rate_within_the_curve_alone() -> None:
    assert quality_at(CURVE, 0.5) == pytest.approx(quality(0.5))
    assert quality_at(CURVE, 0.25) == pytest.approx(quality(0.25), abs=0.05)
    assert quality_at(CURVE, 0.05) is None
    assert quality_at(CURVE, 1.2) is None
