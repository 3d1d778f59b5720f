"""Which frames of which files make up a series, and their pixels."""

from pathlib import Path

import numpy as np
import pytest

from contracts.objects import SHIPPED, ct
from medarchive.bench.series import loaded
from medarchive.bench.sources import Found, PassedOver, Source, gathered, scanned

ACROSS = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def sources(*files: Path) -> list[Source]:
    found = list(scanned(files))
    assert not [each for each in found if isinstance(each, PassedOver)]
    return [each for each in found if isinstance(each, Source)]


def written(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def names(found: Found) -> list[str]:
    return [source.path.name for source in found.sources]


def test_slices_are_ordered_by_position_along_the_normal(tmp_path: Path) -> None:
    for number, z in ((1, 30.0), (2, -10.0), (3, 5.5)):
        data = ct(number, ImagePositionPatient=[0.0, 0.0, z], ImageOrientationPatient=ACROSS)
        written(tmp_path, f"{number}.dcm", data)
    (found,) = gathered(sources(*sorted(tmp_path.iterdir())))
    assert (found.name, names(found)) == ("CT 1", ["2.dcm", "3.dcm", "1.dcm"])
    (series,), _ = loaded(found)
    assert series.image.pixels.shape == (3, 32, 32, 1)
    assert series.about.raw_bytes == 3 * 32 * 32 * 2


def test_without_positions_the_instance_number_orders(tmp_path: Path) -> None:
    files = [written(tmp_path, f"{10 - number}", ct(number)) for number in (9, 2, 10, 1)]
    (found,) = gathered(sources(*files))
    assert names(found) == ["9", "8", "1", "0"]


def test_other_series_and_other_shapes_stand_apart(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "a", ct(1)),
        written(tmp_path, "b", ct(2, size=40)),
        written(tmp_path, "c", ct(1, series="1.2.3.9")),
        SHIPPED / "MR_small.dcm",
    ]
    assert [found.name for found in gathered(sources(*files))] == ["CT 1", "CT 2", "CT 3", "MR 1"]


def test_a_limit_takes_the_middle(tmp_path: Path) -> None:
    files = [written(tmp_path, str(number), ct(number)) for number in range(1, 8)]
    (found,) = gathered(sources(*files), 3)
    assert names(found) == ["3", "4", "5"]
    (rle,) = gathered(sources(SHIPPED / "rtdose_rle.dcm"), 4)
    (plain,) = gathered(sources(SHIPPED / "rtdose.dcm"), 4)
    assert [(each.start, each.stop) for each in rle.sources] == [(5, 9)]
    (decoded,), _ = loaded(rle)
    (native,), _ = loaded(plain)
    assert decoded.image == native.image
    (whole,), _ = loaded(gathered(sources(SHIPPED / "rtdose.dcm"))[0])
    assert np.array_equal(whole.image.pixels[5:9], native.image.pixels)


@pytest.mark.parametrize(
    ("name", "reason"), [("test-SR.dcm", "no pixel data"), ("nowhere.dcm", "No such file"), ("README.txt", "DICM")]
)
def test_what_cannot_be_used_is_named_with_the_reason(name: str, reason: str) -> None:
    (found,) = scanned([SHIPPED / name])
    assert isinstance(found, PassedOver)
    assert reason in found.reason


def test_the_same_object_twice_counts_once(tmp_path: Path) -> None:
    one, other = scanned([written(tmp_path, "a", ct(1)), written(tmp_path, "b", ct(1))])
    assert isinstance(one, Source)
    assert isinstance(other, PassedOver)


def test_pixels_that_cannot_be_had_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    whole, cut = ct(1), ct(2)
    files = [written(tmp_path, "whole", whole), written(tmp_path, "cut", cut[:-2000])]
    (found,) = gathered(sources(*files))
    (series,), (passed_over,) = loaded(found)
    assert len(series.image) == 1
    assert passed_over.path.name == "cut"
