"""Where a slice lies, and what its frame is, from the header alone."""

import io
from typing import Any

import pytest

from contracts.objects import SHIPPED, ct
from medarchive.dicom.instance_blob import Split, head_of, split
from medarchive.dicom.place import Place, place

AXIAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1]


def placed(number: int = 1, **attributes: Any) -> Place:
    return place(ct(number, **attributes))


def test_slices_go_along_the_normal_of_their_plane() -> None:
    low = placed(9, ImagePositionPatient=[5, 5, -30], ImageOrientationPatient=AXIAL)
    high = placed(1, ImagePositionPatient=[-5, 5, 12.5], ImageOrientationPatient=AXIAL)
    assert [low[0], low[1:]] == [(0, 0, 1), (-30, 9)]
    assert [high[0], high[1:]] == [(0, 0, 1), (12.5, 1)]
    assert low < high
    left = placed(2, ImagePositionPatient=[-7, 0, 0], ImageOrientationPatient=SAGITTAL)
    assert (left[0], left[1:]) == ((-1, 0, 0), (7, 2))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"ImagePositionPatient": [1, 2, 3]},
        {"ImageOrientationPatient": AXIAL},
        {"ImagePositionPatient": [1, 2], "ImageOrientationPatient": AXIAL},
    ],
)
def test_without_a_position_the_instance_number_sorts(attributes: dict[str, Any]) -> None:
    assert placed(7, **attributes) == ((), 0, 7)


def test_values_that_are_no_numbers_are_none() -> None:
    data = ct(3, ImagePositionPatient=["11.5", "22.5", "33.5"], ImageOrientationPatient=AXIAL)
    for odd in (b"nan ", b"1e99", b"four", b"11\\5"):
        changed = data.replace(b"11.5", odd)
        assert changed != data
        assert place(changed) == ((), 0, 3)
    assert place(b"nothing of the kind") == ((), 0, 0)


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.dcm")))
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
def test_the_spec_of_a_recipe_is_that_of_its_frames(name: str) -> None:
    data = (SHIPPED / name).read_bytes()
    if data[128:132] != b"DICM":
        return
    parts = split(io.BytesIO(data))
    if isinstance(parts, Split):
        assert parts.recipe.spec.fits(parts.frames[:1], 1)
        recipe, head = head_of(parts.header)
        assert recipe == parts.recipe
        assert data.startswith(head)
        assert place(head) == place(data)
