"""The settings at which a codec comes to given sizes."""

import math

import pytest

from medarchive.bench.lossy.search import at_sizes


class Sizes:
    """Bytes that grow with the setting, in steps, as a codec's do."""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent
        self.calls = 0

    def __call__(self, setting: float) -> float:
        self.calls += 1
        return math.floor(200 + 100_000 * math.pow(setting / 100, self.exponent))


@pytest.mark.parametrize("exponent", [0.8, 1, 3, 8])
def test_each_size_is_met_within_the_tolerance(exponent: float) -> None:
    size = Sizes(exponent)
    targets = [1000 * step for step in range(1, 11)]
    settings = at_sizes(size, (0.0, 100.0), targets, tolerance=0.01)
    assert size.calls < 70
    for target, setting in zip(targets, settings, strict=True):
        assert setting is not None
        assert size(setting) == pytest.approx(target, rel=0.0101)


def test_what_lies_beyond_both_ends_has_no_setting() -> None:
    assert at_sizes(Sizes(2), (0.0, 100.0), [10, 300_000]) == [None, None]


def test_of_sizes_that_jump_the_closest_is_taken() -> None:
    def size(setting: float) -> float:
        return 100 if setting < 3 else 1000

    low, high = at_sizes(size, (0.0, 8.0), [120, 900])
    assert low is not None
    assert high is not None
    assert (size(low), size(high)) == (100, 1000)


def test_few_tries_give_what_was_closest() -> None:
    size = Sizes(8)
    (setting,) = at_sizes(size, (0.0, 100.0), [5000], tries=2)
    assert setting is not None
    assert size.calls == 4
