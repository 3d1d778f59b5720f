"""The recipe of the brain network, a few steps on made-up pictures. Needs torch and onnxruntime."""

import json
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
from medarchive.training.classifier.brain import LEFT_OUT, Recipe, train
from medarchive.training.classifier.brain_net import BrainNet, strongest
from medarchive.training.classifier.contrasts import contrasted
from medarchive.training.classifier.lesions import paste, remove, stripped

SMALL = Recipe(steps=3, fine_steps=1, last_steps=1, batch=16, widths=(4, 4, 8, 8), members=2)


pytestmark = pytest.mark.usefixtures("one_thread")


def _head(draw: np.random.Generator) -> np.ndarray:
    down, across = np.mgrid[0:96, 0:96] - 47.5
    return np.where((down / 42) ** 2 + (across / 36) ** 2 < 1, draw.integers(90, 130, (96, 96)), 0).astype(np.uint8)


def _outline(draw: np.random.Generator) -> np.ndarray:
    down, across = np.mgrid[0:96, 0:96]
    row, column = draw.integers(35, 60), draw.integers(26, 40)
    return np.asarray((down - row) ** 2 + (across - column) ** 2 < 64)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    labelled = ["path,dataset,split,label,leak_group,block,patient,licence"]
    lesions = ["path,dataset,split,label,patient,contrast,plane,slice_index,mask_px,dist_to_tumour_slices"]

    def add(lines: list[str], folder: str, name: str, sick: bool, rest: str, outlined: bool = False) -> None:
        picture, outline = _head(draw), _outline(draw)
        picture[outline & sick] = 220
        (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_bytes(imagecodecs.png_encode(picture))
        if outlined:
            mask = tmp_path / "lesions" / "figshare-masks" / Path(name).relative_to("figshare-cheng")
            mask.parent.mkdir(parents=True, exist_ok=True)
            whole = np.kron(outline, np.ones((3, 3)))[:256, :256]
            mask.write_bytes(imagecodecs.png_encode((whole * 255).astype(np.uint8)))
        lines.append(f"{name},{rest}")

    for number, (block, split) in enumerate((("0", "train"), ("1", "train"), ("3", "train"), ("4", "test"))):
        for kind in ("glioma", "meningioma", "pituitary"):
            name = f"figshare-cheng/{split}/{kind}/{number:05}.png"
            rest = f"figshare-cheng,{split},{kind},g{number}{kind},{block},,CC BY 4.0"
            add(labelled, "labelled", name, True, rest, outlined=True)
    for number in range(24):
        split = "test" if number > 20 else "train"
        name = f"nickparvar-brain-mri/{split}/no_tumour/{number}.png"
        add(labelled, "labelled", name, False, f"nickparvar-brain-mri,{split},no_tumour,n{number},,,CC0")
    add(labelled, "labelled", "bhuvaji/1.png", True, "bhuvaji-brain-mri,train,meningioma,b1,,,MIT")
    for patient in ("msL-patient01", "msL-patient03", *LEFT_OUT):
        rest = f"open-ms-data,train,no_tumour,{patient},FLAIR,axial,3,0,"
        add(lesions, "lesions", f"open-ms-data/{patient}.png", False, rest)
    for number in range(8):
        label, far = ("tumour", 0) if number % 2 else ("no_tumour", number)
        rest = f"brain-tumor-progression,train,{label},btp{number % 4 // 2},T1+Gd,axial,{number},9,{far}"
        add(lesions, "lesions", f"brain-tumor-progression/{number}.png", number % 2 > 0, rest)
    for folder, lines in (("labelled", labelled), ("lesions", lesions)):
        (tmp_path / folder / "MANIFEST.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_training_writes_a_model_that_answers_and_says_what_it_is(data: Path) -> None:
    out = data / "out"
    members = []
    for progress in train(data, out, SMALL):
        described = out / "brain.json"
        members.append(json.loads(described.read_text())["recipe"]["members"] if described.exists() else 0)
        assert progress.steps == 10
    assert members == [0, 0, 0, 1, 1, 1], "of the first member alone, while the second is trained"
    card = json.loads((out / "brain.json").read_text())
    assert card["labels"] == ["no_tumour", "glioma", "meningioma", "pituitary"]
    assert card["data"]["train"]["figshare-cheng"] == {"glioma": 2, "meningioma": 2, "pituitary": 2}
    assert card["data"]["train"]["open-ms-data"] == {"no_tumour": 2}
    assert "brain-tumor-progression" not in card["data"]["train"]
    assert card["test"]["outlines"]["dice"]["value"] >= 0
    assert card["never_trained_on"]["clear"]["pictures"] == {"tumour": 4, "no_tumour": 3}
    session = onnxruntime.InferenceSession(str(out / "brain.onnx"))
    pictures = np.random.default_rng(1).random((3, 1, 256, 256), np.float32)
    lesion, tumour, kinds = session.run(["lesion", "tumour", "kinds"], {"pictures": pictures})
    assert lesion.shape == (3, 256, 256)
    assert lesion.min() >= 0
    assert lesion.max() <= 1
    assert tumour.shape == (3,)
    assert kinds.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    before = (out / "brain.onnx").read_bytes()
    assert list(train(data, out, SMALL)) == []
    assert (out / "brain.onnx").read_bytes() == before


def test_training_without_outlines_is_refused(data: Path) -> None:
    for mask in (data / "lesions" / "figshare-masks").rglob("*.png"):
        mask.unlink()
    with pytest.raises(SettingsError, match="outlines"):
        list(train(data, data / "out", SMALL))


def test_a_lesion_is_put_where_its_outline_says_and_nothing_changes_elsewhere() -> None:
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    target = torch.from_numpy(_head(draw)).float()[None, None].repeat(8, 1, 1, 1) / 255
    outline = torch.from_numpy(_outline(draw)).float()[None, None].repeat(8, 1, 1, 1)
    pictures, outlines = paste((target + 0.4 * outline).clamp(0, 1), outline, target)
    put = outlines.amax(dim=(1, 2, 3)) > 0
    assert put.any()
    change = (pictures - target).abs()
    near = torch.nn.functional.max_pool2d(outlines, 17, 1, 8)
    assert (change * (1 - near)).max() < 1e-6
    assert (change * outlines)[put].amax(dim=(1, 2, 3)).min() > 0.1
    assert change[~put].sum() == 0


def test_a_removed_lesion_leaves_what_lies_opposite() -> None:
    draw = np.random.default_rng(0)
    head = torch.from_numpy(_head(draw)).float()[None, None] / 255
    outline = torch.from_numpy(_outline(draw)).float()[None, None]
    pictures, outlines = remove((head + 0.4 * outline).clamp(0, 1), outline)
    assert outlines.sum() == 0
    assert abs(float((pictures * outline).sum() / outline.sum()) - float(head[head > 0].mean())) < 0.05
    both = (outline + outline.flip(3)).clamp(0, 1)
    assert torch.equal(remove(head, both)[1], both), "sick on either side: nothing healthy to take"


def test_stripping_blackens_the_rim_and_spares_the_lesion() -> None:
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    head = torch.from_numpy(_head(draw)).float()[None, None] / 255
    middle = torch.zeros_like(head)
    middle[:, :, 44:52, 44:52] = 1
    cut = stripped(head, middle, 1.0)
    assert (cut > 0).sum() < 0.95 * (head > 0).sum()
    assert torch.equal(cut * middle, head * middle)
    assert torch.equal(stripped(head, (head > 0).float(), 1.0), head)


def test_contrasts_keep_shape_and_range() -> None:
    torch.manual_seed(0)
    head = torch.from_numpy(_head(np.random.default_rng(0))).float()[None, None].repeat(16, 1, 1, 1) / 255
    changed = contrasted(head)
    assert changed.shape == head.shape
    assert torch.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed - head).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_the_strongest_part_does_not_depend_on_what_is_weaker() -> None:
    lesion = torch.full((2, 1, 64, 64), -8.0)
    lesion[0, 0, :5, :5] = 3
    lesion[1] = lesion[0]
    lesion[1, 0, 20:, 20:] = -1
    found = strongest(lesion)
    assert float(found[0]) == pytest.approx(3, abs=1e-3)
    assert float(found[0]) == pytest.approx(float(found[1]), abs=1e-5)
    few = torch.full((1, 1, 64, 64), -20.0)
    few[0, 0, :2, :2] = 2
    assert float(strongest(few, torch.tensor([4.0]))) == pytest.approx(2, abs=1e-3)
    assert float(strongest(few)) < 1


def test_the_kind_is_read_where_it_is_told_to() -> None:
    torch.manual_seed(0)
    net = BrainNet((4, 4, 8, 8)).eval()
    pictures, outlines = torch.rand(2, 1, 64, 64), torch.zeros(2, 1, 32, 32)
    outlines[:, :, 8:16, 8:16] = 1
    with torch.no_grad():
        lesion, alone = net(pictures)
        told_lesion, told = net(pictures, outlines, torch.tensor([True, False]))
    assert torch.equal(lesion, told_lesion)
    assert not torch.equal(alone[0], told[0])
    assert torch.equal(alone[1], told[1])
