"""From answers of the brain network to decisions. NumPy only, on made-up answers."""

import numpy as np
import pytest

from medarchive.training.classifier.brain_scores import (
    best_cut,
    decided,
    logistic,
    matched_auc,
    operating,
    pointed,
)


def test_logistic_finds_the_curve_that_the_answers_were_drawn_from() -> None:
    draw = np.random.default_rng(0)
    score = draw.normal(0, 2, 20000)
    truth = draw.random(20000) < 1 / (1 + np.exp(-(1.5 * score - 0.7)))
    assert logistic(score, truth, np.ones(20000)) == pytest.approx((1.5, -0.7), abs=0.1)


def test_logistic_stays_finite_where_all_are_told_apart() -> None:
    slope, offset = logistic(np.array([-1.0, -2, 1, 2]), np.array([False, False, True, True]), np.ones(4))
    assert 0 < slope < 100
    assert abs(offset) < 1


def test_the_operating_point_spares_every_source() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.1, 0.1, 0.1, 0.7, 0.35, 0.8, 0.9])
    sick = np.array([False] * 8 + [True] * 3)
    sources = ["a"] * 4 + ["b"] * 4 + ["c"] * 3
    assert 0.7 < operating(score, sick, sources, 0.0) < 0.8
    loose = operating(score, sick, sources, 0.25)
    assert np.mean(score[:4] >= loose) <= 0.25
    assert np.mean(score[4:8] >= loose) <= 0.25


def test_a_decision_is_none_below_the_threshold_and_the_likeliest_kind_above() -> None:
    kinds = np.array([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    assert decided(np.array([0.3, 0.5, 0.9]), kinds, 0.4).tolist() == [0, 2, 1]


def test_matched_auc_compares_only_neighbours() -> None:
    sick = np.array([True, False, True, False])
    score = np.array([0.2, 0.1, 0.9, 0.8])
    heights = np.array([3, 4, 12, 12])
    assert matched_auc(sick, score, heights, 1) == 1.0
    assert matched_auc(sick, score, heights, 20) == 0.75
    assert np.isnan(matched_auc(sick, score, heights + 5 * ~sick, 1))


def test_a_cut_with_the_best_dice_is_found_and_the_highest_pixel_is_placed() -> None:
    outline = np.zeros((1, 8, 8), bool)
    outline[0, 2:5, 2:5] = True
    logits = np.where(outline, -0.6, -4.2).astype(np.float32)
    depth, low, high = best_cut(logits, np.array([-0.6]), outline)
    assert -4.2 < np.clip(-0.6 - depth, low, high) < -0.6
    assert pointed(logits, outline).tolist() == [True]
    assert pointed(-logits, outline).tolist() == [False]
