"""Narrow pictures of CT: chest and abdomen by one hand; chests whose lungs are filled; what the tables say."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
imagecodecs = pytest.importorskip("imagecodecs")

from contracts.objects import ct  # noqa: E402
from medarchive.training.classifier.anatomies import gather_anatomies  # noqa: E402
from medarchive.training.classifier.narrow import filled, narrow  # noqa: E402

CHEST = "profmcdan-6c1565"
TRUNK = "profmcdan-782519"


def _chest() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A trunk of 40 HU with two lungs of -800, in air."""
    down, across = np.mgrid[-1:1:256j, -1:1:256j]
    values = np.where((across / 0.8) ** 2 + (down / 0.6) ** 2 < 1, 40.0, -1000.0)
    for side in (-0.4, 0.4):
        values[((across - side) / 0.25) ** 2 + (down / 0.4) ** 2 < 1] = -800.0
    return values.astype(np.float32)


def test_narrow_pictures_are_small_and_in_range() -> None:
    draw = np.random.default_rng(0)
    made = [narrow(_chest()[:, 20:], draw) for _ in range(40)]
    assert {each.shape for each in made} == {(48, 48), (64, 64), (96, 96)}
    assert min(float(each.min()) for each in made) >= 0
    assert max(float(each.max()) for each in made) <= 1
    assert any(each.min() > 0.2 for each in made), "what is dark is grey in some"
    again = narrow(_chest(), np.random.default_rng(5))
    assert np.array_equal(again, narrow(_chest(), np.random.default_rng(5)))


def test_a_filled_chest_has_no_lung_and_keeps_its_outline() -> None:
    chest = _chest()
    made = filled(chest, np.random.default_rng(0))
    assert made[chest == -800].min() > -200
    assert (np.abs(made - chest)[chest == -1000] < 1).all(), "the air outside is still air"
    assert (np.abs(made - chest)[chest == 40] < 1).mean() > 0.9


def test_what_trains_is_drawn_narrow_and_lungless_slices_are_other(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled"
    listed, free = ("medical-mnist/train/ChestCT/00003.jpg", "medical-mnist/test/ChestCT/00003.jpg")
    rows = ["path,dataset,split,label,leak_group,block,patient,licence"]
    for path in (listed, free):
        (labelled / path).parent.mkdir(parents=True)
        (labelled / path).write_bytes(imagecodecs.jpeg8_encode(np.full((64, 64), 126, np.uint8)))
        rows.append(f"{path},medical-mnist,{path.split('/')[1]},ChestCT,{path},,,CC BY-SA 4.0")
    (labelled / "MANIFEST.csv").write_text("\n".join(rows) + "\n")
    codec = tmp_path / "codec"
    for name in (CHEST, TRUNK):
        (codec / name).mkdir(parents=True)
        (codec / name / "a.dcm").write_bytes(ct(1, size=64, RescaleIntercept="-1024", RescaleSlope="1"))
    (codec / "CATALOG.tsv").write_text(f"split\tdir\tmodality\ntrain\t{CHEST}\tCT\nvalidation\t{TRUNK}\tCT\n")

    found = gather_anatomies(tmp_path).rows
    assert [row.anatomy for row in found if row.finding == "ChestCT"] == ["other", "lung-ct"]
    labels = [row.label for row in found if row.split == "train" and row.dataset == "codec"]
    assert {label: labels.count(label) for label in labels} == {
        "lung-ct/CT": 4,
        "lung-ct/CT, narrow": 48,
        "other/CT, filled": 12,
    }
    assert [row.label for row in found if row.split == "validation" and row.dataset == "codec"] == ["other/CT"]
