"""Samples: what training sees is what the codec sees, and no patient is on both sides."""

from pathlib import Path

import numpy as np
import pytest

from contracts.objects import ct
from medarchive.codecs.predictive.features import ALONE, COUNT, LIMIT
from medarchive.training.samples import gathered, volumes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for patient in range(12):
        for number in (1, 2, 3):
            data = ct(number, uid=f"1.7.{patient}.{number}", series=f"1.7.{patient}", PatientID=f"P{patient}")
            (tmp_path / f"{patient}-{number}.dcm").write_bytes(data)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_patients_are_split_and_slices_belong_together(folder: Path) -> None:
    training, validation = list(volumes(folder, "train")), list(volumes(folder, "validation"))
    assert training
    assert validation
    assert len(training) + len(validation) == 12
    assert {volume.frames.shape[0] for volume in training + validation} == {3}
    assert not {volume.name for volume in training} & {volume.name for volume in validation}


def test_a_catalogue_decides(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(ct(1, uid=f"1.7.{len(name)}"))
    (tmp_path / "CATALOG.tsv").write_text("split\tdir\ntrain\tone\nvalidation\ttwo\n")
    assert [volume.name.split()[0] for volume in volumes(tmp_path, "train")] == ["one"]
    assert [volume.name.split()[0] for volume in volumes(tmp_path, "validation")] == ["two"]


def test_samples_are_features_and_what_was_missed(folder: Path) -> None:
    volume = next(volumes(folder, "train"))
    samples = gathered(volume, 600, np.random.default_rng(0), vary=True)
    assert samples.features.shape == (len(samples.missed), COUNT)
    assert np.abs(samples.features.astype(int)).max() <= LIMIT
    alone = (samples.features[:, ALONE - 1] == 0).sum()
    assert 0 < alone < len(samples.missed), "half with the frame before, half without"
    assert (samples.low >= 0).all()
    assert (samples.missed <= samples.high).all()
    assert (samples.missed >= -samples.low).all()
    assert np.isfinite(samples.weight).all()
