"""Retrieval: precision among the nearest, without one's own group, against values worked out by hand."""

import numpy as np
import pytest

from medarchive.training.classifier.retrieval import average_precisions, components, thumbnails


def _on_a_circle(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_precision_at_each_relevant_place() -> None:
    vectors = _on_a_circle(0, 10, 20, 30, 40)
    found = average_precisions(vectors, ["a", "b", "a", "b", "a"], list("vwxyz"), count=4)
    # of the first: b a b a, so 1/2 and 2/4 by two
    assert found[0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    # of the last: b a b a as well
    assert found[4] == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_ones_own_group_is_not_found() -> None:
    vectors = _on_a_circle(0, 1, 50)
    found = average_precisions(vectors, ["a", "a", "a"], ["x", "x", "y"], count=2)
    assert found.tolist() == pytest.approx([1, 1, 1])
    alone = average_precisions(vectors, ["a", "a", "b"], ["x", "x", "y"], count=2)
    assert np.isnan(alone).all(), "nothing relevant is left"


def test_length_does_not_count() -> None:
    vectors = _on_a_circle(0, 5, 80, 85)
    one = average_precisions(vectors, ["a", "a", "b", "b"], list("wxyz"))
    other = average_precisions(
        vectors * np.array([[1], [9], [0.1], [3]], np.float32), ["a", "a", "b", "b"], list("wxyz")
    )
    assert np.array_equal(one, other)
    assert one.tolist() == pytest.approx([1, 1, 1, 1])


def test_thumbnails_ignore_brightness() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (2, 128, 128)).astype(np.uint8)
    brighter = pixels + np.uint8(40)
    assert np.allclose(thumbnails(pixels), thumbnails(brighter), atol=1e-3)


def test_components_are_those_of_the_training_pictures() -> None:
    draw = np.random.default_rng(0)
    pattern = draw.normal(0, 1, (128, 128))
    train = np.clip(128 + draw.normal(0, 20, (40, 1, 1)) * pattern, 0, 255).astype(np.uint8)
    found = components(train, train, count=3)
    assert found.shape == (40, 3)
    assert found[:, 0].var() > 50 * found[:, 1].var(), "one pattern is all there is"
