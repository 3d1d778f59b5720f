"""Training: a run that was broken off goes on, and what it makes is a model that codes. Needs the extra `neural`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from contracts.objects import ct

pytest.importorskip("torch", reason="training needs the extra neural")

from medarchive.codecs.predictive import linear, solver
from medarchive.codecs.predictive.backend import coder
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.planes import Geometry
from medarchive.training import predictive
from medarchive.training.predictive import Progress, Recipe


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Slices of four patients, two of whom are for validation."""
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "CATALOG.tsv").write_text("split\tdir\ntrain\ta\nvalidation\tb\n")
    for number in range(1, 5):
        (folder / "ab"[number % 2] / f"{number}.dcm").write_bytes(ct(number, size=64, uid=f"1.2.9.{number}"))
    return folder


def test_a_run_that_was_broken_off_goes_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictive, "_EVERY", 2)
    monkeypatch.setattr(predictive, "_BATCH", 256)
    recipe, out = Recipe(widths=(8, 8), steps=6, pixels=2000), tmp_path / "model"

    def run() -> Iterator[Progress]:
        return predictive.train(data, out, recipe)

    (first,) = islice(run(), 1)
    assert first.step == 2
    assert [progress.step for progress in run()] == [4, 6], "not from the beginning"
    model = Model.read((out / "model.medp").read_bytes())
    geometry = Geometry(30, 20)
    tile = np.random.default_rng(1).normal(500, 9, (30, 20)).astype(np.int32)
    values, places = geometry.plane_of(tile), geometry.everywhere()
    weights = linear.checked(solver.solve(geometry, values, None, places), across=False)
    used = coder(model)
    stream, _ = used.encode(values, None, geometry, weights, 1000)
    assert np.array_equal(geometry.tile_of(used.decode(stream, None, geometry, weights, 1000).values), tile)
