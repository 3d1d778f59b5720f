"""Files that earlier versions wrote must decode to the same pixels forever."""

from pathlib import Path

import numpy as np
import pytest

import medarchive
from golden.make_golden import cases
from medarchive.codecs.predictive import codec
from medarchive.codecs.predictive.native import Native, instruction_sets
from medarchive.codecs.predictive.reference import Reference

HERE = Path(__file__).parent
FILES = sorted(file.stem for file in HERE.glob("*.meda"))


def decodes_to_its_pixels(name: str) -> None:
    array, named, max_error = cases()[name]
    data = (HERE / f"{name}.meda").read_bytes()
    decoded = medarchive.decode(data)
    assert medarchive.inspect(data).codec == named
    assert decoded.dtype == array.dtype
    assert decoded.shape == array.shape
    assert int(np.abs(decoded.astype(np.int64) - array.astype(np.int64)).max()) <= max_error


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_old_decodes_to_its_pixels(name: str) -> None:
    decodes_to_its_pixels(name)


@pytest.mark.parametrize("instructions", ["numpy", *instruction_sets()])
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("predictive.")])
def test_every_coder_of_tiles_decodes_it(name: str, instructions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        codec, "coder", lambda model: Reference(model) if instructions == "numpy" else Native(model, instructions)
    )
    decodes_to_its_pixels(name)


def test_no_file_is_left_out() -> None:
    assert set(FILES) == set(cases())
