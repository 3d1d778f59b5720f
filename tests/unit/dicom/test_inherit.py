"""New objects belong to the same patient and study, and are well formed where their source is not."""

import io
import warnings

import pydicom
import pytest
from pydicom.dataset import Dataset

from contracts.objects import SHIPPED, ct, part10
from medarchive.dicom.inherit import inherited
from medarchive.errors import MissingIdentity


def header(**attributes: object) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(ct(**attributes)))  # type: ignore[arg-type]


def test_patient_and_study_are_the_same() -> None:
    source = header(
        StudyTime="101530.25", PatientSex="F", PatientAge="042Y", StudyDescription="Schädel", AccessionNumber="7"
    )
    made = inherited(source)
    for keyword in (
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "PatientSex",
        "PatientAge",
    ):
        assert made[keyword].value == source[keyword].value
    assert made.StudyDescription == "Schädel"
    assert "SeriesInstanceUID" not in made
    assert "Modality" not in made


def test_what_is_absent_is_empty() -> None:
    made = inherited(header())
    assert (made.PatientSex, made.StudyID, made.PatientBirthDate) == ("", "", "")
    assert "StudyDescription" not in made


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("StudyDate", "2024-01-02", ""),
        ("StudyDate", "20241399", ""),
        ("PatientBirthDate", "19700101", "19700101"),
        ("StudyTime", "10:15", ""),
        ("StudyTime", "1015", "1015"),
        ("StudyTime", "256199", ""),
        ("PatientSex", "unknown", ""),
        ("StudyID", "a very long number of a study", "a very long numb"),
        ("StudyDescription", "x" * 70, "x" * 64),
        ("StudyDescription", "head\\neck\x07", "head neck"),
        ("PatientID", " HF1058", " HF1058"),
        ("PatientID", "y" * 70, "y" * 70),
    ],
)
def test_what_no_standard_allows_is_left_out_but_for_the_identity(keyword: str, value: str, expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = header()
        setattr(source, keyword, value)
        assert getattr(inherited(source), keyword) == expected


@pytest.mark.parametrize("keyword", ["PatientAge", "PatientWeight"])
def test_odd_optional_values_are_absent(keyword: str) -> None:
    source = header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.add_new(pydicom.datadict.tag_for_keyword(keyword) or 0, "LO", "heavy")
        assert keyword not in inherited(source)


@pytest.mark.parametrize("name", ["chrJapMulti", "chrKoreanMulti", "chrRuss", "chrGreek", "chrArab", "chrX1"])
def test_names_in_any_alphabet_come_over_in_unicode(name: str) -> None:
    source = pydicom.dcmread(SHIPPED.parent / "charset_files" / f"{name}.dcm")
    source.SOPClassUID, source.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    source.StudyInstanceUID, source.SeriesInstanceUID = "1.2.4", "1.2.5"
    made = inherited(source)
    made.SOPClassUID, made.SOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    back = pydicom.dcmread(io.BytesIO(part10(made)))
    assert back.SpecificCharacterSet == "ISO_IR 192"
    assert str(back.PatientName) == str(source.PatientName)
    assert not str(back.PatientName).isascii()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_without_an_identity_nothing_is_made(keyword: str) -> None:
    source = header()
    delattr(source, keyword)
    with pytest.raises(MissingIdentity, match=f"no {keyword}"):
        inherited(source)


def test_that_identity_was_removed_stays_known() -> None:
    made = inherited(header(PatientIdentityRemoved="YES", DeidentificationMethod="by hand"))
    assert (made.PatientIdentityRemoved, made.DeidentificationMethod) == ("YES", "by hand")
