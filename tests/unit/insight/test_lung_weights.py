"""The networks for the lung that are shipped: file and card belong together, and the graph does what the card says."""

import hashlib
import importlib.resources
import json
from typing import Any

import numpy as np
import pytest

from medarchive.training.classifier.card import no_better

NAMES = ("chest-xray", "lung-nodule", "lung-ct")
WEIGHTS = importlib.resources.files("medarchive.insight") / "weights"


def card(name: str) -> dict[str, Any]:
    return dict(json.loads((WEIGHTS / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_of_this_file(name: str) -> None:
    data = (WEIGHTS / f"{name}.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == card(name)["sha256"]
    assert len(data) < 1_000_000 * card(name)["networks"]


@pytest.mark.parametrize("name", [*NAMES, "brain", "router"])
def test_a_network_names_nothing_of_the_machine_that_made_it(name: str) -> None:
    data = (WEIGHTS / f"{name}.onnx").read_bytes()
    assert not [word for word in (b"stack_trace", b"/src/", b".py") if word in data]


@pytest.mark.parametrize("name", NAMES)
def test_the_card_counts_every_test_picture_once(name: str) -> None:
    facts = card(name)
    rows = facts["test"]["confusion"]
    assert [sum(row) for row in rows] == [facts["data"]["test"][label] for label in facts["labels"]]
    recalls = [rows[k][k] / sum(rows[k]) for k in range(len(rows))]
    assert facts["test"]["balanced_accuracy"]["value"] == pytest.approx(np.mean(recalls), abs=1e-3)
    assert facts["failures"]
    assert "Not a medical device" in facts["notice"]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_is_no_better_than_a_nearest_neighbour_gives_no_finding(name: str) -> None:
    facts = card(name)
    assert facts.get("withheld", "") == no_better(facts["test"], facts["baselines"])


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_answers_any_number_of_pictures(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="reading needs the extra insight")
    session = onnxruntime.InferenceSession((WEIGHTS / f"{name}.onnx").read_bytes())
    pictures = np.random.default_rng(3).random((3, 1, 256, 256), np.float32)
    found, cam = session.run(["probabilities", "cam"], {"pictures": pictures})
    assert found.shape == (3, len(card(name)["labels"]))
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert cam.shape == (3, 256, 256)
    assert 0 <= cam.min() <= cam.max() <= 1
    alone = session.run(["probabilities"], {"pictures": pictures[1:2]})[0]
    assert alone[0] == pytest.approx(found[1], abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_squares_give_numbers(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="reading needs the extra insight")
    session = onnxruntime.InferenceSession((WEIGHTS / f"{name}.onnx").read_bytes())
    for level in (0.0, 1.0):
        found, cam = session.run(None, {"pictures": np.full((1, 1, 256, 256), level, np.float32)})
        assert np.isfinite(found).all()
        assert np.isfinite(cam).all()
