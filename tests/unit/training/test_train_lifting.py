"""Training of the learned transform. Needs the extra `neural`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from contracts.objects import ct

pytest.importorskip("compressai", reason="training needs the extra neural")

import torch

from medarchive.codecs.autoencoder import steps, wavelet
from medarchive.codecs.autoencoder.lifting import Lifting, of_three
from medarchive.codecs.autoencoder.lifting_model import LiftingModel
from medarchive.training import lifting
from medarchive.training.lifting import Progress, Recipe
from medarchive.training.lifting_export import exported
from medarchive.training.lifting_net import Transform, joined

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "data", tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "CATALOG.tsv").write_text("split\tdir\ntrain\ta\nvalidation\tb\n")
    for number in range(2):
        (folder / "ab"[number] / "1.dcm").write_bytes(ct(number + 1, size=200, uid=f"1.2.9.{number}"))
    recipe = Recipe(width=4, steps=3, parts=1, pool=2, alone=1, every=1)

    def run() -> Iterator[Progress]:
        return lifting.train(folder, out, recipe)

    (first,) = islice(run(), 1)
    assert first.step == 1
    assert [progress.step for progress in run()] == [2, 3], "not from the beginning"
    assert LiftingModel.read((out / "model.medl").read_bytes()).kinds == 3


def test_what_is_exported_does_what_was_trained() -> None:
    torch.manual_seed(1)
    net = Transform(width=8)
    for name, value in net.named_parameters():
        if "last" in name:
            torch.nn.init.normal_(value, std=0.1)
    transform = Lifting(LiftingModel.read(exported({name: value.numpy() for name, value in net.state_dict().items()})))
    random = np.random.default_rng(1)
    plane = np.rint(np.cumsum(random.normal(0, 400, (32, 48)), axis=1)).astype(np.int64)
    step = steps.nearest(16)
    low, details = wavelet.split(plane)
    units = [steps.of_band(step, 0, band) for band in range(3)]
    expected = transform.expected(low, plane.shape, 0, step)
    found = transform.joined(low, of_three(np.zeros_like(band) for band in details), expected, 0, step)
    with torch.no_grad():
        seen = torch.tensor(low[None, None] / units[0], dtype=torch.float32)
        wanted = net.predict[0](seen)
        for band in range(3):
            assert np.abs(wanted[0, band].numpy() - expected[band] / units[band]).max() < 0.05
        change = net.refine[0](seen, wanted, torch.zeros_like(wanted))
        sizes = torch.tensor(units, dtype=torch.float32)[:, None, None]
        plain = joined((seen + change[:, :1]) * units[0], (wanted + change[:, 1:]) * sizes)
    assert np.abs(plain[0, 0].numpy() - found).max() / units[0] < 0.1
    assert np.abs(found - wavelet.joined(low, expected)).max() / units[0] > 0.1, "the refinement does something"
