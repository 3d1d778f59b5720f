"""Calibration of classifiers and the card's measures: NumPy only, on made-up answers."""

from pathlib import Path

import numpy as np
import pytest

from medarchive.training.classifier.calibrate import Calibration, calibrated, probabilities
from medarchive.training.classifier.card import measures, nearest
from medarchive.training.classifier.metrics import balanced_accuracy
from medarchive.training.classifier.pictures import Picture, Pictures


def made_up(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = draw.choice(3, size=n, p=[0.5, 0.1, 0.4])
    logits = draw.normal(size=(n, 3)) + 2.0 * np.eye(3)[truth]
    return logits, truth


def pictures(n: int) -> Pictures:
    rows = tuple(
        Picture(Path(f"{k}.jpg"), "made-up", "", "test", f"made-up:{k // 2}", "", -1, "", None, twins=str(k // 2))
        for k in range(n)
    )
    return Pictures(rows, np.zeros((n, 1, 1), np.uint8), np.zeros((n, 1, 1), np.bool_))


def test_bias_takes_back_what_a_network_has_against_a_label() -> None:
    logits, truth = made_up(3000, 1)
    logits[:, 1] -= 1.5
    found = calibrated(logits, truth)
    before = balanced_accuracy(truth, logits.argmax(axis=1), 3)
    after = balanced_accuracy(truth, (logits + np.array(found.bias)).argmax(axis=1), 3)
    assert after > before + 0.05
    assert found.bias[1] > found.bias[0]


def test_temperature_makes_an_overconfident_network_modest() -> None:
    logits, truth = made_up(3000, 2)
    modest, loud = calibrated(logits, truth), calibrated(4 * logits, truth)
    assert loud.temperature > 2 * modest.temperature


def test_a_tenth_abstains_and_the_threshold_parts_normal_from_abnormal() -> None:
    logits, truth = made_up(2000, 3)
    found = calibrated(logits, truth)
    chances = probabilities(logits, found.bias, found.temperature)
    assert np.mean(chances.max(axis=1) < found.abstain) == pytest.approx(0.1, abs=0.01)
    called = 1 - chances[:, 0] >= found.abnormal
    assert called[truth > 0].mean() > 0.7
    assert called[truth == 0].mean() < 0.3


def test_probabilities_sum_to_one_and_do_not_overflow() -> None:
    chances = probabilities(np.array([[1e4, 0.0], [0.0, 0.0]]), (0.0, 0.0), 0.5)
    assert chances.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert chances[1] == pytest.approx([0.5, 0.5])


def test_measures_hold_their_value_inside_the_interval() -> None:
    logits, truth = made_up(200, 4)
    calibration = Calibration((0.0, 0.0, 0.0), 1.0, 0.4, 0.5)
    found = probabilities(logits, calibration.bias, 1.0)
    out = measures(found, truth, pictures(200), calibration, ("normal", "benign", "malignant"))
    for name in ("auc", "balanced_accuracy", "sensitivity", "specificity", "recall_benign"):
        low, high = out[name]["interval"]
        assert 0 <= low <= out[name]["value"] <= high <= 1, name
    assert np.sum(out["confusion"]) == 200
    assert out["recall_benign"]["value"] == pytest.approx(out["confusion"][1][1] / sum(out["confusion"][1]))
    assert out["abstained"] == pytest.approx(np.mean(found.max(axis=1) < 0.4))


def test_nearest_neighbour_knows_what_it_has_seen() -> None:
    known = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    labels = np.array([0, 1, 2])
    out = nearest(known, labels, known + 0.1, labels)
    assert out["balanced_accuracy"] == 1.0
    assert out["auc"] == 1.0
    assert nearest(known, labels, known[::-1], labels)["balanced_accuracy"] == pytest.approx(1 / 3)
