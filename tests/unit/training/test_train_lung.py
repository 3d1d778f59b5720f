"""The recipe of the lung networks, a few steps on made-up pictures. Needs torch and onnxruntime."""

import json
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra neural")
pytest.importorskip("onnxscript", reason="export needs the extra neural")
pytest.importorskip("onnxruntime", reason="the export is checked by onnxruntime")

import onnxruntime
import torch

from medarchive.errors import SettingsError
from medarchive.training.classifier.camnet import CamNet, Pooled, Sight
from medarchive.training.classifier.cues import Cues
from medarchive.training.classifier.export import LIMIT, difference, export, fuse, halved
from medarchive.training.classifier.lung import RECIPES, Family, train

SMALL = replace(
    RECIPES["chest-xray"],
    families=(Family(widths=(4, 4, 8, 8)), Family(side=64, crop=56, widths=(4, 8, 8), longer=1.5)),
    folds=2,
    steps=4,
    batch=4,
)


pytestmark = pytest.mark.usefixtures("one_thread")


def data(folder: Path, patients: int = 8) -> Path:
    draw = np.random.default_rng(0)
    lines = ["path,dataset,split,label,leak_group,block,patient,licence"]
    for number in range(patients):
        for label in SMALL.labels:
            split = "test" if number % 4 == 3 else "train"
            name = f"{label}{number}.png"
            (folder / name).write_bytes(imagecodecs.png_encode(draw.integers(0, 255, (64, 48), np.uint8)))
            lines.append(f"{name},{SMALL.dataset},{split},{label},g{number},,{label}{number},CC0")
    (folder / "MANIFEST.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_training_writes_a_model_that_answers_and_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    progress = list(train(data(tmp_path), out, SMALL))
    assert progress[-1].step == progress[-1].steps == 2 * 4 + 2 * 6
    card = json.loads((out / "chest-xray.json").read_text())
    assert card["labels"] == ["normal", "bacteria", "virus"]
    assert sum(card["data"]["train"].values()) == 18
    assert card["networks"] == 4
    assert card["input"]["seen"] == "the middle 128 of 128 pixels and the middle 56 of 64 pixels"
    assert 0 <= card["test"]["auc"]["value"] <= 1
    session = onnxruntime.InferenceSession(str(out / "chest-xray.onnx"))
    found, cam = session.run(None, {"pictures": np.random.default_rng(1).random((3, 1, 256, 256), np.float32)})
    assert found.shape == (3, 3)
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert cam.shape == (3, 256, 256)
    assert cam.min() >= 0
    assert cam.max() <= 1


def test_a_run_that_is_done_is_not_trained_again(tmp_path: Path) -> None:
    source, out = data(tmp_path), tmp_path / "out"
    list(train(source, out, SMALL))
    before = (out / "chest-xray.onnx").read_bytes()
    assert list(train(source, out, SMALL)) == []
    assert (out / "chest-xray.onnx").read_bytes() == before


def test_a_label_in_one_fold_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in one fold"):
        list(train(data(tmp_path, patients=1), tmp_path / "out", SMALL))


def test_fusing_changes_no_answer_and_halving_hardly_any(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = CamNet((4, 8, 8), 2)
    with torch.no_grad():
        for _ in range(5):
            net(torch.rand(8, 1, 96, 96))
    net.eval()
    pictures = torch.rand(2, 1, 96, 96)
    with torch.no_grad():
        before = net(pictures)
        fuse(net)
        assert torch.allclose(net(pictures), before, atol=1e-4)
        halved(net)
        assert torch.allclose(net(pictures), before, atol=0.05)
    whole = Pooled([net], [Sight(128, 96)]).eval()
    export(whole, tmp_path / "x.onnx", ("probabilities", "cam"))
    assert difference(whole, tmp_path / "x.onnx", torch.rand(3, 1, 256, 256)) < LIMIT


def test_the_map_is_empty_outside_what_the_network_sees() -> None:
    whole = Pooled([CamNet((4, 8, 8), 2)], [Sight(128, 96)]).eval()
    with torch.no_grad():
        _, cam = whole(torch.rand(1, 1, 256, 256))
    assert cam.shape == (1, 256, 256)
    assert cam[:, :32].abs().max() == 0
    assert cam[:, 32:224, 32:224].max() > 0


def test_a_network_that_sees_mirrored_answers_for_the_mirrored_picture_in_place() -> None:
    torch.manual_seed(3)
    net = CamNet((4, 8, 8), 2).eval()
    pictures = torch.rand(2, 1, 256, 256)
    with torch.no_grad():
        plain, cam = Pooled([net], [Sight(128, 96)]).eval()(pictures.flip(3))
        mirrored, turned = Pooled([net], [Sight(128, 96, mirrored=True)]).eval()(pictures)
    assert torch.allclose(plain, mirrored, atol=1e-6)
    assert torch.allclose(cam.flip(2), turned, atol=1e-6)
    assert not torch.allclose(cam, turned, atol=1e-3)


def test_networks_of_different_sights_are_averaged() -> None:
    torch.manual_seed(4)
    nets, sights = [CamNet((4, 8, 8), 2).eval() for _ in range(2)], [Sight(128, 96), Sight(64, 64)]
    pictures = torch.rand(2, 1, 256, 256)
    with torch.no_grad():
        both, cam = Pooled(nets, sights).eval()(pictures)
        alone = [Pooled([net], [sight]).eval()(pictures) for net, sight in zip(nets, sights, strict=True)]
    logits = torch.stack([found.log() for found, _ in alone]).mean(dim=0)
    assert torch.allclose(both, logits.softmax(dim=1), atol=1e-5)
    assert torch.allclose(cam, (alone[0][1] + alone[1][1]) / 2, atol=1e-5)


@pytest.mark.parametrize("step", ["moved", "curved", "detailed", "framed", "marked", "erasing", "blurred", "changed"])
def test_each_change_of_looks_keeps_shape_and_range(step: str) -> None:
    torch.manual_seed(1)
    pictures = torch.rand(6, 1, 64, 64)
    changed = getattr(Cues(marks=1.0, erased=1.0, blur=1.0, detail=2.0), step)(pictures)
    assert changed.shape == pictures.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, pictures)


def test_a_random_curve_never_falls() -> None:
    torch.manual_seed(2)
    ramp = torch.linspace(0, 1, 64 * 64).view(1, 1, 64, 64).repeat(8, 1, 1, 1)
    curved = Cues(curve=1.5, equal=1.0).curved(ramp).flatten(1)
    assert (curved.diff(dim=1) >= -1e-6).all()
