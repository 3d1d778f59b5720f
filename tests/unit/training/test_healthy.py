"""Healthy heads: a volume is cut in three planes, each upright; only series that are known are taken."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra neural")

from contracts.objects import ct
from medarchive.training.classifier.healthy import SERIES, gather_healthy, planes

SLICES, OTHER = "FNNDSC-2dbcb5", "FNNDSC-b0cb3b"


def _head() -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """A ball in (x, z, y) with a bright spot at the top (low z), in front (low y)."""
    x, z, y = np.mgrid[-1:1:24j, -1:1:32j, -1:1:40j]
    volume = np.where(x**2 + z**2 + y**2 < 0.8, 100.0, 0.0)
    volume[(np.abs(x) < 0.1) & (np.abs(z + 0.6) < 0.15) & (np.abs(y + 0.4) < 0.15)] = 400.0
    return volume.astype(np.float32)


def test_a_volume_is_cut_in_three_planes_upright() -> None:
    found = list(planes(_head()))
    assert {name for name, _ in found} == {"sagittal", "coronal", "axial"}
    shapes = {name: each.shape for name, each in found}
    assert shapes == {"sagittal": (32, 40), "coronal": (32, 24), "axial": (40, 24)}
    for name, each in found:
        if each.max() < 400:
            continue
        row, column = (float(where.mean()) for where in np.nonzero(each == 400))
        assert row < each.shape[0] / 2, f"the top, or the front, of a {name} slice is up"
        assert column < each.shape[1] / 2 or name != "sagittal"


def test_slices_at_the_rim_are_left_out() -> None:
    volume = _head()
    taken = [each for name, each in planes(volume) if name == "sagittal"]
    assert 4 < len(taken) < volume.shape[0] // 2
    assert min(float((each > 50).mean()) for each in taken) >= 0.1


def test_only_series_that_are_known_are_taken(tmp_path: Path) -> None:
    rows = ["split\tdir\tmodality"]
    for name, split in ((SLICES, "train"), (OTHER, "validation"), ("somebody-else", "train")):
        (tmp_path / "codec" / name).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "codec" / name / f"{number}.dcm").write_bytes(ct(number, size=64))
        rows.append(f"{split}\t{name}\tMR")
    (tmp_path / "codec" / "CATALOG.tsv").write_text("\n".join(rows) + "\n")
    found = gather_healthy(tmp_path)
    assert [(row.patient, row.label, row.split, row.contrast) for row in found.rows] == [
        (SERIES[name], "no_tumour", split, "T1 sagittal")
        for name, split in ((SLICES, "train"), (OTHER, "validation"))
        for _ in range(2)
    ]
    assert found.pixels.shape == (4, 256, 256)
    assert found.pixels.max() > 0
    assert not found.masks.any()


def test_without_dicom_series_there_are_none(tmp_path: Path) -> None:
    assert len(gather_healthy(tmp_path)) == 0
