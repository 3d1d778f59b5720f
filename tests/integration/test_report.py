"""Reports and heat maps as other software sees them: highdicom reads them, dciodvfy finds no error in them."""

import datetime as dt
import io
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, EnhancedMRImageStorage

from contracts.objects import SHIPPED, ct
from contracts.our_reports import READER
from medarchive.dicom.heat import heat_capture
from medarchive.dicom.ours import is_ours, report_series, report_uid
from medarchive.dicom.report import INVESTIGATIONAL, ReportedFinding, report
from medarchive.errors import MissingIdentity
from medarchive.view import View

NOW = dt.datetime(2026, 1, 2, 3, 4, 5)
WEIGHTS = "5e" * 32
GLIOMA = ReportedFinding(
    READER,
    algorithm="brain",
    version="3",
    weights_sha256=WEIGHTS,
    anatomy="brain",
    anatomy_probability=0.991,
    finding="glioma",
    probabilities={"no_tumour": 0.1, "glioma": 2 / 3, "meningioma": 0.2, "pituitary": 1 / 30, "tumour": 0.9},
    others=(("1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1.2"), ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1.3")),
)
ABSTAINED = ReportedFinding(
    READER,
    algorithm="lung-ct",
    anatomy="lung",
    anatomy_probability=0.8,
    finding="malignant",
    probabilities={"normal": 0.3, "benign": 0.3, "malignant": 0.4},
    abstained=True,
    reason="No class is likely enough.",
    frame=1,
)
UNREAD = ReportedFinding(READER, reason="The picture is constant.")


def source_of(**attributes: object) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(ct(**attributes)))  # type: ignore[arg-type]


def reported(finding: ReportedFinding, source: Dataset | None = None) -> Dataset:
    made = report(source or source_of(), finding, number=900, now=NOW)
    return pydicom.dcmread(io.BytesIO(made))


def group(dataset: Dataset) -> Any:
    """The one measurement group, as highdicom reads it."""
    content = hd.sr.Comprehensive3DSR.from_dataset(dataset).content
    (found,) = content.get_image_measurement_groups()
    return found


def texts(dataset: Dataset, name: str) -> list[str]:
    """All texts of that name in the tree."""
    found = []
    for item in dataset.ContentSequence:
        if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeMeaning == name:
            found.append(str(item.TextValue))
        if "ContentSequence" in item:
            found += texts(item, name)
    return found


def probabilities(dataset: Dataset) -> dict[str, float]:
    """By the code of the class that modifies each."""
    found = {}
    for measurement in group(dataset).get_measurements():
        item = measurement[0]
        value = item.MeasuredValueSequence[0]
        assert value.MeasurementUnitsCodeSequence[0].CodeValue == "1"
        modifiers = [each for each in item.get("ContentSequence", ()) if each.RelationshipType == "HAS CONCEPT MOD"]
        code = modifiers[0].ConceptCodeSequence[0].CodeValue if modifiers else item.ConceptNameCodeSequence[0].CodeValue
        found[code] = float(value.NumericValue)
    return found


def test_another_reads_what_was_found() -> None:
    dataset = reported(GLIOMA)
    found = group(dataset)
    assert (found.finding_type.value, found.finding_type.scheme_designator) == ("393564001", "SCT")
    assert [site.value.value for site in found.finding_sites] == ["12738006"]
    assert probabilities(dataset) == pytest.approx(
        {
            "ANATOMY-PROB": 0.991,
            "NO-TUMOR": 0.1,
            "393564001": 0.666667,
            "302820008": 0.2,
            "127024001": 0.033333,
            "126952004": 0.9,
        }
    )
    (image,) = found.source_images
    assert image.referenced_sop_instance_uid == "1.2.3.1.1.1"
    assert texts(dataset, "Algorithm Name") == ["brain"]
    assert texts(dataset, "Algorithm Version") == ["3"]
    assert texts(dataset, "Algorithm Parameters") == [f"weights SHA-256 {WEIGHTS}", f"models {READER}"]
    assert [evaluation.value.value for evaluation in found.get_qualitative_evaluations()] == ["READ"]


def test_it_says_what_it_is_worth() -> None:
    dataset = reported(GLIOMA)
    assert texts(dataset, "Comment") == [INVESTIGATIONAL]
    assert (dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag) == (
        "PARTIAL",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert dataset.ContentQualification == "RESEARCH"
    assert dataset.AuthorObserverSequence[0].ObserverType == "DEV"


def test_it_lies_in_the_study_in_a_series_of_its_own() -> None:
    dataset = reported(GLIOMA, source_of(StudyDescription="Kopf", PatientSex="M"))
    assert dataset.SOPClassUID == Comprehensive3DSRStorage
    assert (dataset.Modality, dataset.SeriesNumber) == ("SR", 900)
    assert (dataset.StudyInstanceUID, dataset.PatientID, dataset.PatientSex) == ("1.2.3.1", "P1", "M")
    assert dataset.StudyDescription == "Kopf"
    assert dataset.SeriesInstanceUID == report_series("1.2.3.1.1", READER)
    assert dataset.SOPInstanceUID == report_uid("1.2.3.1.1", READER)
    assert (dataset.ContentDate, dataset.ContentTime) == ("20260102", "030405")
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [
        f"1.2.3.1.1.{number}" for number in (1, 2, 3)
    ]


def test_the_same_bytes_each_time() -> None:
    assert report(source_of(), GLIOMA, number=900, now=NOW) == report(source_of(), GLIOMA, number=900, now=NOW)


def test_one_that_abstained_gives_its_reason_and_no_finding() -> None:
    dataset = reported(ABSTAINED)
    found = group(dataset)
    assert found.finding_type is None
    assert [evaluation.value.value for evaluation in found.get_qualitative_evaluations()] == ["ABSTAINED"]
    assert texts(dataset, "Reason") == ["No class is likely enough."]
    assert probabilities(dataset)["LUNG-MALIGNANT"] == pytest.approx(0.4)


def test_one_that_was_not_read_says_so() -> None:
    dataset = reported(UNREAD)
    found = group(dataset)
    assert found.finding_type is None
    assert found.get_measurements() == []
    assert [evaluation.value.value for evaluation in found.get_qualitative_evaluations()] == ["NOT-READ"]
    assert texts(dataset, "Reason") == ["The picture is constant."]


def test_a_frame_is_named_from_one_on() -> None:
    dataset = reported(ABSTAINED, source_of(SOPClassUID=EnhancedMRImageStorage, NumberOfFrames=3))
    (image,) = group(dataset).source_images
    assert image.referenced_frame_numbers == [2]


def test_all_of_them_are_ours_and_a_copy_under_another_uid_is_not() -> None:
    assert all(is_ours(reported(finding)) for finding in (GLIOMA, ABSTAINED, UNREAD))
    copied = reported(GLIOMA)
    copied.SOPInstanceUID = str(hd.UID())
    assert not is_ours(copied)


def test_an_image_of_no_study_is_refused() -> None:
    source = source_of()
    del source.StudyInstanceUID
    with pytest.raises(MissingIdentity, match="no StudyInstanceUID"):
        report(source, GLIOMA, number=900, now=NOW)


def _sources() -> list[Dataset]:
    """Headers as they come: real ones, ones that lack all they may, odd ones, and names in several alphabets."""
    names = ("CT_small", "MR_small", "MR_small_bigendian", "693_J2KI", "examples_overlay", "examples_rgb_color",
             "examples_ybr_color", "liver_1frame", "JPEG2000", "image_dfl", "SC_rgb_small_odd")  # fmt: skip
    sources: list[Dataset] = [
        pydicom.dcmread(SHIPPED / f"{name}.dcm", stop_before_pixels=True, force=True) for name in names
    ]
    sources += [
        source_of(),
        source_of(SOPClassUID="1.3.12.2.1107.5.9.1"),
        source_of(StudyDescription="a\\b" * 60, StudyID="#" * 40, PatientSex="?", PatientBirthDate="1.1.1970"),
        source_of(StudyDate="unknown", StudyTime="noon", PatientWeight="", ReferringPhysicianName="^^^^"),
    ]
    for name in ("chrJapMulti", "chrRuss", "chrArab", "chrKoreanMulti"):
        foreign = pydicom.dcmread(SHIPPED.parent / "charset_files" / f"{name}.dcm", stop_before_pixels=True)
        sources.append(source_of(SpecificCharacterSet="ISO_IR 192", PatientName=str(foreign.PatientName)))
    return sources


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("finding", [GLIOMA, ABSTAINED, UNREAD], ids=["found", "abstained", "unread"])
def test_the_validator_finds_no_error(tmp_path: Path, finding: ReportedFinding) -> None:
    rng = np.random.default_rng(0)
    grey = View(rng.random((9, 11), np.float32), None)
    for number, source in enumerate(_sources()):
        for kind, made in (
            ("report", report(source, finding, number=900, now=NOW)),
            ("heat", heat_capture(source, grey, rng.random((9, 11), np.float32), finding, number=901, now=NOW)),
        ):
            file = tmp_path / f"{number}-{kind}.dcm"
            file.write_bytes(made)
            judged = subprocess.run(["dciodvfy", str(file)], capture_output=True, check=False)
            said = (judged.stdout + judged.stderr).decode("utf-8", "replace").splitlines()
            assert any(line.strip() in ("Comprehensive3DSR", "SCImage") for line in said), said
            assert [line for line in said if line.startswith("Error")] == [], (number, kind)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_the_validator_would_find_one(tmp_path: Path) -> None:
    dataset = reported(GLIOMA)
    del dataset.CompletionFlag
    file = tmp_path / "broken.dcm"
    dataset.save_as(file)
    judged = subprocess.run(["dciodvfy", str(file)], capture_output=True, check=False)
    assert b"Error" in judged.stdout + judged.stderr
