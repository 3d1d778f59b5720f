"""The window and the rescale of a frame, from its header or from its values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from contracts.objects import ct
from medarchive.bench.lossy.display import display_of
from medarchive.codecs.fidelity import Rescale
from medarchive.image import Image

RAMP = Image(np.arange(1001, dtype="u2").reshape(1, 7, 143, 1), 12)


def written(folder: Path, **attributes: Any) -> Path:
    (folder / "one.dcm").write_bytes(ct(1, **attributes))
    return folder / "one.dcm"


def test_the_first_window_of_the_header_in_stored_units(tmp_path: Path) -> None:
    file = written(tmp_path, WindowCenter=[40, -600], WindowWidth=[401, 1500], RescaleSlope=2, RescaleIntercept=-1024)
    shown = display_of(file, 0, RAMP)
    assert (shown.low, shown.high) == ((39.5 - 200 + 1024) / 2, (39.5 + 200 + 1024) / 2)
    assert shown.stated
    assert shown.rescale == Rescale(2, -1024, "HU")


def test_without_a_window_the_range_of_the_values(tmp_path: Path) -> None:
    shown = display_of(written(tmp_path), 0, RAMP)
    assert (shown.low, shown.high, shown.stated) == (10, 990, False)
    assert shown.rescale == Rescale()


@pytest.mark.parametrize(("centre", "width"), [(5000, 100), (-900, 100), (500, 1), (500, 0)])
def test_a_window_that_shows_nothing_does_not_count(tmp_path: Path, centre: int, width: int) -> None:
    assert not display_of(written(tmp_path, WindowCenter=centre, WindowWidth=width), 0, RAMP).stated


def test_a_frame_of_many_has_its_own_window_in_a_functional_group(tmp_path: Path) -> None:
    def group(**values: float) -> Dataset:
        inside, outside = Dataset(), Dataset()
        for keyword, value in values.items():
            setattr(inside, keyword, value)
        kind = "FrameVOILUTSequence" if "WindowWidth" in values else "PixelValueTransformationSequence"
        setattr(outside, kind, Sequence([inside]))
        return outside

    file = written(
        tmp_path,
        SharedFunctionalGroupsSequence=Sequence([group(RescaleSlope=1.0, RescaleIntercept=-100.0)]),
        PerFrameFunctionalGroupsSequence=Sequence(
            [group(WindowCenter=200.0, WindowWidth=101.0), group(WindowCenter=300.0, WindowWidth=101.0)]
        ),
        RescaleType="US",
    )
    shown = [display_of(file, frame, RAMP) for frame in (0, 1)]
    assert [(each.low, each.high) for each in shown] == [(249.5, 349.5), (349.5, 449.5)]
    assert shown[0].rescale == Rescale(1, -100, "")


def test_an_image_of_one_value_almost_everywhere_still_has_a_range(tmp_path: Path) -> None:
    pixels = np.zeros((1, 50, 50, 1), "u2")
    pixels[0, 0, 0] = 7
    shown = display_of(written(tmp_path), 0, Image(pixels, 12))
    assert (shown.low, shown.high) == (0, 7)
