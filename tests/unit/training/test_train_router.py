"""Training of the router: on made-up pictures, to the end, with torch where it is there."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from medarchive.insight.models import Model  # noqa: E402
from medarchive.training.classifier.anatomies import ANATOMIES, Anatomies, Sample  # noqa: E402
from medarchive.training.classifier.contrastive import contrastive, to_proxies  # noqa: E402
from medarchive.training.classifier.others import others  # noqa: E402
from medarchive.training.classifier.router import Recipe, trained  # noqa: E402
from medarchive.training.classifier.router_export import (  # noqa: E402
    answers,
    calibrated,
    exported,
    measured,
    routed,
    sent_to_other,
)
from medarchive.training.classifier.router_net import RouterNet  # noqa: E402
from medarchive.training.classifier.scattered import scattered  # noqa: E402


def _samples() -> Anatomies:
    """Stripes of another direction for each anatomy."""
    draw = np.random.default_rng(0)
    down, across = np.mgrid[0:128, 0:128]
    rows, pixels = [], []
    for number, anatomy in enumerate(ANATOMIES):
        angle = np.pi * number / len(ANATOMIES)
        for at in range(12):
            wave = np.sin((across * np.cos(angle) + down * np.sin(angle)) / 6 + draw.uniform(0, 6))
            pixels.append(np.clip(128 + 90 * wave + draw.normal(0, 10, wave.shape), 0, 255).astype(np.uint8))
            split = ("train", "train", "validation", "test")[at % 4]
            rows.append(Sample(anatomy, f"kind {at % 2}", "made", split, f"g{at}", f"{anatomy}{at}"))
    return Anatomies(tuple(rows), np.stack(pixels))


def test_it_learns_and_ships_what_it_learned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    samples = _samples()
    net = RouterNet(len(ANATOMIES), 12, widths=(8, 16, 24))
    recipe = Recipe(steps=12, pictures=8, others=8)
    steps = list(trained(samples, net, tmp_path / "router.checkpoint", recipe, "cpu"))
    assert [each.step for each in steps] == [6, 10, 12], "small pictures, whole ones, settling"
    assert np.isfinite([each.loss for each in steps]).all()
    assert {each.suffix for each in tmp_path.iterdir()} == {".small", ".checkpoint", ".settling"}
    shipped, limits = calibrated(net, samples)
    figures = measured(shipped, limits, samples)
    assert 0 <= figures["accuracy"][1] <= figures["accuracy"][0] <= figures["accuracy"][2] <= 1
    assert figures["accuracy"][0] >= figures["accuracy_classes"], "classes of one anatomy count as one"
    assert set(figures["retrieval"]) == {"embedding", "thumbnail", "pca"}
    anything = {"energy": -np.inf, "distance": np.inf, "sure": 0.0}
    assert sent_to_other(shipped, anything, samples)[0] == 1.0, "all of it is too strange"
    exported(shipped, tmp_path, {"thresholds": limits, "measures": figures})

    model = Model(tmp_path / "router.onnx")
    assert json.loads((tmp_path / "router.json").read_text())["labels"] == list(ANATOMIES)
    pixels = samples.pixels[:5].repeat(2, axis=1).repeat(2, axis=2)
    found, wanted = model.run(np.asarray(pixels / 255, np.float32)), answers(shipped, pixels)
    for name, values in zip(("classes", "energy", "distance", "embedding"), wanted, strict=True):
        assert np.abs(found[name] - values).max() < 1e-4, name
    assert np.allclose(np.linalg.norm(found["embedding"], axis=1), 1, atol=1e-5)
    assert np.allclose(found["classes"].sum(axis=1), 1, atol=1e-5)


def test_a_label_is_left_out_by_its_finding_or_with_its_anatomy() -> None:
    recipe = Recipe(left_out=("Hand", "other/CT"))
    rows = [Sample(*each, "made", "train", "", "") for each in (("other", "Hand"), ("other", "CT"), ("lung-ct", "CT"))]
    assert [recipe.leaves_out(row) for row in rows] == [True, True, False]


def test_what_is_strange_or_unsure_is_sent_to_other() -> None:
    limits = {"energy": 0.0, "distance": 0.5, "sure": 0.6}
    sure, unsure, heads = [0, 0, 0.9, 0.1, 0, 0], [0, 0, 0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0, 0, 0]
    classes = np.array([sure, sure, sure, unsure, heads], np.float32)
    energy = np.array([-1, 1, -1, -1, -1], np.float32)
    distance = np.array([0.1, 0.1, 0.9, 0.1, 0.1], np.float32)
    assert routed((classes, energy, distance, classes), limits).tolist() == [2, 5, 5, 5, 0]


def test_others_are_new_pictures_in_range() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(16, 1, 128, 128)
    names = [ANATOMIES[each % 6] for each in range(16)]
    made = others(pictures, names)
    assert made.shape == pictures.shape
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert (made - pictures).abs().amax(dim=(1, 2, 3)).min() > 0.05, "none is what it was made from"
    changed = scattered(pictures, names)
    assert changed.shape == pictures.shape
    assert torch.isfinite(changed).all()


def test_contrastive_is_least_where_labels_lie_together() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    together, mixed = torch.stack([east, east, north, north]), torch.stack([east, north, east, north])
    assert contrastive(together, labels) < contrastive(mixed, labels)
    assert contrastive(together, torch.tensor([-1, -1, -1, -1])) == 0
    proxies = torch.stack([3 * east, 5 * north])
    assert to_proxies(together, labels, proxies) < 1e-3
    assert to_proxies(mixed, labels, proxies) > 1
