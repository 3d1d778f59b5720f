"""References are found whatever they are nested in, however the bytes are encoded or cut."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from contracts.objects import SHIPPED, ct, part10
from contracts.policies import referring
from medarchive.dicom.refers import References, references, refers

UIDS = frozenset(("1.2.3", "1.2.840.113619.2.5.1762583153.215519.978957063.79", "2.25.1"))


def nested(syntax: str) -> bytes:
    """An object with references in a private sequence, in a sequence in a sequence, and as its last element."""
    items = []
    for uid in sorted(UIDS):
        item = Dataset()
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    ds, inner = Dataset(), Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.9"
    inner.add_new(0x00091001, "SQ", [items[0]])
    inner.add_new(0x00090010, "LO", "SOMEONE")
    ds.ContentSequence = [inner]
    ds.ReferencedImageSequence = [items[1]]
    ds.add_new(0x7FE10010, "LO", "SOMEONE")
    ds.add_new(0x7FE11001, "SQ", [items[2]])
    return part10(ds, syntax)


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_in_every_encoding(syntax: str) -> None:
    assert references(io.BytesIO(nested(syntax))) == UIDS


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 20])
def test_however_the_bytes_are_cut(step: int) -> None:
    data = nested(ExplicitVRLittleEndian)
    found = References()
    for start in range(0, len(data), step):
        found.feed(data[start : start + step])
    assert found.uids == UIDS


def test_in_a_broken_file() -> None:
    data = nested(ImplicitVRLittleEndian)
    found = References()
    found.feed(data[:-1])
    assert len(found.uids) == 3 or found.uids < UIDS
    found = References()
    found.feed(b"\xff" * 1000 + data[300:])
    assert found.uids <= UIDS


def test_a_shipped_report_and_segmentation() -> None:
    for name in ("test-SR.dcm", "liver_1frame.dcm"):
        path = next(SHIPPED.rglob(name))
        expected = {
            str(element.value)
            for element in pydicom.dcmread(path).iterall()
            if element.keyword == "ReferencedSOPInstanceUID"
        }
        with path.open("rb") as file:
            assert references(file) == expected


def test_an_object_without_references() -> None:
    assert references(io.BytesIO(ct())) == frozenset()
    assert references(io.BytesIO(referring("1.2.3.4"))) == {"1.2.3.4"}


@pytest.mark.parametrize(
    ("number", "modality", "does"),
    [
        *(("88.11", "", True), ("88.59", "KO", True), ("11.1", "", True), ("66.4", "", True), ("481.3", "", True)),
        *(("2", "CT", False), ("1.1", "DX", False), ("881", "", False), ("9.9", "seg", True)),
    ],
)
def test_who_refers(number: str, modality: str, does: bool) -> None:
    assert refers(f"1.2.840.10008.5.1.4.1.1.{number}", modality) is does
