"""What a header says about the pixels that a fidelity check needs to know."""

import io
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from contracts.objects import ct
from medarchive.codecs.fidelity import Rescale
from medarchive.dicom.subject import read_subject
from medarchive.errors import NotDicom


def transformed(slope: float, intercept: float, kind: str = "HU") -> Dataset:
    group, item = Dataset(), Dataset()
    item.RescaleSlope, item.RescaleIntercept, item.RescaleType = slope, intercept, kind
    group.PixelValueTransformationSequence = Sequence([item])
    return group


def test_a_ct_slice() -> None:
    part10 = ct(1, RescaleSlope=1, RescaleIntercept=-1024, BodyPartExamined="CHEST ")
    subject = read_subject(io.BytesIO(part10))
    assert (subject.modality, subject.body_part, subject.bits) == ("CT", "CHEST", 12)
    assert subject.rescale == Rescale(1, -1024, "HU")


@pytest.mark.parametrize(
    ("attributes", "rescale"),
    [
        ({}, Rescale()),
        ({"RescaleSlope": 2, "RescaleIntercept": 0, "RescaleType": "US"}, Rescale(2, 0)),
        ({"RescaleSlope": 2, "RescaleIntercept": 1, "Modality": "MR"}, Rescale(2, 1)),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, Rescale()),
        ({"SharedFunctionalGroupsSequence": Sequence([transformed(1, -1024)])}, Rescale(1, -1024, "HU")),
        (
            {"PerFrameFunctionalGroupsSequence": Sequence([transformed(1, -1024), transformed(1, -1024)])},
            Rescale(1, -1024, "HU"),
        ),
        ({"PerFrameFunctionalGroupsSequence": Sequence([transformed(1, 0), transformed(2, 0)])}, Rescale()),
    ],
)
def test_rescales(attributes: dict[str, Any], rescale: Rescale) -> None:
    assert read_subject(io.BytesIO(ct(1, **attributes))).rescale == rescale


def test_no_dicom_file() -> None:
    with pytest.raises(NotDicom):
        read_subject(io.BytesIO(b"nothing"))
