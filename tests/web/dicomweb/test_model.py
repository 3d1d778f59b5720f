"""DICOM JSON (PS3.18 F): against pydicom's own for every file that it ships, and what that does not show."""

import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from contracts.objects import SHIPPED, ct, part10
from medarchive.archive.archive import Archive
from medarchive.errors import MedarchiveError
from medarchive.settings import Settings
from medarchive.web.dicomweb.model import dicom_json, places


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path / "archive", quiet=0)) as archive:
        yield archive


def written(archive: Archive, data: bytes) -> dict[str, Any]:
    uid = archive.store(io.BytesIO(data)).uid
    return archive.opened(uid, lambda opened: dicom_json(opened, "URI"))


def slice_with(**attributes: object) -> Dataset:
    dataset = pydicom.dcmread(io.BytesIO(ct(1)))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def expected_of(data: bytes) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data))
        return dataset.to_json_dict(1 << 30, lambda _: "URI", suppress_invalid_tags=True)


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """Without what may differ: padding, absent values of several, and values given by a URI."""
    answer = {}
    for tag, element in found.items():
        if tag.endswith("0000") or tag == "00080005" or "BulkDataURI" in element or "InlineBinary" in element:
            continue
        values = [
            plain(value)
            if isinstance(value, dict) and element["vr"] == "SQ"
            else value.strip() or None
            if isinstance(value, str)
            else value
            for value in element.get("Value", [])
        ]
        answer[tag] = (str(element["vr"]), values)
    return answer


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.dcm")), ids=lambda path: path.name)
def test_is_what_pydicom_reads(kept: Archive, path: Path) -> None:
    data = path.read_bytes()
    try:
        found = written(kept, data)
    except MedarchiveError:
        pytest.skip("the archive takes no such file")
    json.dumps(found, allow_nan=False)
    theirs, ours = plain(expected_of(data)), plain(found)
    more = ours.keys() - theirs.keys()  # pydicom leaves out what is not valid
    assert not more or path.name == "badVR.dcm" or (path.name.startswith("rtdose") and more == {"300C0002"})
    assert {tag: ours[tag] for tag in ours if tag not in more} == theirs
    assert list(found) == sorted(found)


def test_names_have_their_component_groups(kept: Archive) -> None:
    dataset = slice_with(
        SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    found = written(kept, part10(dataset))
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}


def test_numbers_are_numbers(kept: Archive) -> None:
    dataset = slice_with(WindowCenter=["40", "-1e-3"], SeriesNumber="7", PixelSpacing=["0.50", "2"])
    dataset.add_new(0x00189074, "DT", "20240102")
    dataset.add_new(0x00189073, "FD", [float("nan"), 1.5, float("-inf")])
    dataset.add_new(0x00280009, "AT", 0x00181063)
    dataset.add_new(0x0008040C, "UV", [1 << 60, 5])
    found = written(kept, part10(dataset))
    assert found["00281050"]["Value"] == [40, -0.001]
    assert (found["00200011"], found["00280030"]["Value"]) == ({"vr": "IS", "Value": [7]}, [0.5, 2])
    assert found["00280010"] == {"vr": "US", "Value": [32]}
    assert found["00189073"]["Value"] == ["NaN", 1.5, "-Infinity"]
    assert found["00280009"] == {"vr": "AT", "Value": ["00181063"]}
    assert found["0008040C"]["Value"] == [str(1 << 60), 5]


def test_empty_ones_have_no_value_and_absent_ones_among_several_are_null(kept: Archive) -> None:
    found = written(kept, part10(slice_with(AccessionNumber="", ImageType=["A", "", "C"], PatientComments=" ")))
    assert found["00080050"] == {"vr": "SH"}
    assert found["00080008"]["Value"] == ["A", None, "C"]
    assert found["00104000"] == {"vr": "LT"}


def test_private_elements_and_sequences(kept: Archive) -> None:
    dataset = slice_with()
    block = dataset.private_block(0x0019, "NOBODY KNOWS", create=True)
    block.add_new(1, "DS", "1.5")
    item = Dataset()
    item.PatientName = "In^Item"
    item.private_block(0x0021, "DEEP", create=True).add_new(2, "UN", b"\1\2\3\4")
    block.add_new(2, "SQ", Sequence([item, Dataset()]))
    found = written(kept, part10(dataset))
    assert found["00191001"] == {"vr": "DS", "Value": [1.5]}
    inner, empty = found["00191002"]["Value"]
    assert inner["00100010"]["Value"] == [{"Alphabetic": "In^Item"}]
    assert inner["00211002"] == {"vr": "UN", "InlineBinary": "AQIDBA=="}
    assert empty == {}


def test_implicit_ones_get_their_vr_from_the_dictionary(kept: Archive) -> None:
    dataset = slice_with(PixelRepresentation=1, SmallestImagePixelValue=-5)
    dataset.private_block(0x0019, "NOBODY KNOWS", create=True).add_new(1, "UN", b"\1\2")
    found = written(kept, part10(dataset, ImplicitVRLittleEndian))
    assert found["00280106"] == {"vr": "SS", "Value": [-5]}
    assert found["00190010"] == {"vr": "LO", "Value": ["NOBODY KNOWS"]}
    assert found["00191001"]["vr"] == "UN"


def test_what_is_large_is_given_by_a_uri_and_found_there(kept: Archive) -> None:
    words = np.arange(4000, dtype="<u2")
    item = Dataset()
    item.add_new(0x54001010, "OW", words.tobytes())
    dataset = slice_with(WaveformSequence=Sequence([Dataset(), item]))
    dataset.add_new(0x00420011, "OB", bytes(range(256)) * 8)
    fresh = Dataset()  # pydicom turns no bytes round, and refuses to where it has read them
    fresh.update(dataset)
    uid = kept.store(io.BytesIO(part10(fresh, ExplicitVRBigEndian))).uid
    found = kept.opened(uid, lambda opened: dicom_json(opened, "URI"))
    assert found["00420011"] == {"vr": "OB", "BulkDataURI": "URI/00420011"}
    assert found["54000100"]["Value"][1]["54001010"]["BulkDataURI"] == "URI/54000100/1/54001010"
    assert [place.path for place in kept.opened(uid, places)] == ["00420011", "54000100/1/54001010", "7FE00010"]


def test_a_split_instance_is_the_same_as_before(kept: Archive) -> None:
    dataset = slice_with(PatientName="Split^Me")
    dataset.add_new(0xFFFCFFFC, "OB", bytes(16))
    uid = kept.store(io.BytesIO(part10(dataset))).uid
    before = kept.opened(uid, lambda opened: dicom_json(opened, "URI"))
    for _ in kept.compress(wait_for_all=True):
        pass
    assert kept.instance(uid).form == "split"
    assert kept.opened(uid, lambda opened: dicom_json(opened, "URI")) == before
    assert "FFFCFFFC" in before


def test_a_deflated_one(kept: Archive) -> None:
    found = written(kept, part10(slice_with(StudyDescription="Deflated"), DeflatedExplicitVRLittleEndian))
    assert found["00081030"]["Value"] == ["Deflated"]
