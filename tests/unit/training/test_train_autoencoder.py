"""Training of the entropy network: what a run makes codes, and a run that was broken off goes on. Needs `neural`."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from contracts.objects import ct

pytest.importorskip("torch", reason="training needs the extra neural")

from medarchive.codecs.autoencoder.backend import coder
from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.training import autoencoder
from medarchive.training.autoencoder import Recipe

RECIPE = Recipe(widths=(8, 8), steps=4, images=1, side=64, sites=64, renewed=2, lifted=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A slice for training, and one of another patient for validation."""
    folder = tmp_path / "data"
    for number, name in enumerate(("a", "b"), 1):
        (folder / name).mkdir(parents=True)
        file = ct(number, uid=f"1.7.{number}.1", series=f"1.7.{number}", PatientID=name, size=64)
        (folder / name / "1.dcm").write_bytes(file)
    (folder / "CATALOG.tsv").write_text("split\tdir\ntrain\ta\nvalidation\tb\n")
    return folder


def test_a_run_that_was_broken_off_goes_on_and_makes_a_model_that_codes(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (first,) = islice(autoencoder.train(data, out, RECIPE, workers=0), 1)
    assert first.step == 2
    assert not (out / "model.medt").exists()
    (second,) = autoencoder.train(data, out, RECIPE, workers=0)
    assert second.step == 4
    assert np.isfinite([first.loss, first.validation, second.loss, second.validation]).all()
    used = coder(Model.read((out / "model.medt").read_bytes()))
    values = np.random.default_rng(0).integers(-3, 4, 40 * 50).astype(np.int32)
    back = Pyramid.zeros((40, 50))
    used.decode(used.encode(Pyramid.of((40, 50), values)), back)
    assert np.array_equal(back.flat, values)
