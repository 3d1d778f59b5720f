"""Files that earlier versions wrote must decode to the same pixels forever."""

from pathlib import Path

import numpy as np
import pytest

import medarchive
from golden.make_golden import cases

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(cases()))
def test_a_file_of_old_decodes_to_its_pixels(name: str) -> None:
    array, codec, max_error = cases()[name]
    data = (HERE / f"{name}.meda").read_bytes()
    decoded = medarchive.decode(data)
    assert medarchive.inspect(data).codec == codec
    assert decoded.dtype == array.dtype
    assert decoded.shape == array.shape
    assert int(np.abs(decoded.astype(np.int64) - array.astype(np.int64)).max()) <= max_error


def test_no_file_is_left_out() -> None:
    assert {file.stem for file in HERE.glob("*.meda")} == set(cases())
