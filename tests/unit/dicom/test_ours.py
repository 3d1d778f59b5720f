"""What we made is told from what others made, by every single mark that it has."""

import io
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, EnhancedSRStorage, ImplicitVRLittleEndian

from contracts.objects import part10
from contracts.our_reports import READER, our_report
from medarchive.dicom.ours import capture_uid, is_our_report_file, is_ours, report_series, report_uid
from medarchive.dicom.refers import references

SERIES = "1.2.3.1.1"


def test_a_report_of_ours() -> None:
    assert is_ours(our_report("1.2.3.1.1.1"))


def another_series(ds: Dataset) -> None:
    ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.9"


def two_series(ds: Dataset) -> None:
    ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence.append(Dataset())


def verified(ds: Dataset) -> None:
    ds.VerificationFlag = "VERIFIED"


def more_evidence(ds: Dataset) -> None:
    ds.PertinentOtherEvidenceSequence = ds.CurrentRequestedProcedureEvidenceSequence


def another_observer(ds: Dataset) -> None:
    ds.ContentSequence[0].UID = "1.2.9"


def a_second_observer(ds: Dataset) -> None:
    ds.ContentSequence.append(ds.ContentSequence[0])


def set_to(keyword: str, value: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        setattr(ds, keyword, value)

    change.__name__ = f"{keyword}={value}"
    return change


def without(keyword: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        delattr(ds, keyword)

    change.__name__ = f"without {keyword}"
    return change


@pytest.mark.parametrize(
    "change",
    [
        another_series,
        two_series,
        verified,
        more_evidence,
        another_observer,
        a_second_observer,
        set_to("Manufacturer", "Somebody"),
        set_to("ManufacturerModelName", "medarchive"),
        set_to("DeviceSerialNumber", "0123456789abcdee"),
        set_to("SOPInstanceUID", "2.25.1"),
        set_to("SeriesInstanceUID", "2.25.2"),
        set_to("StudyInstanceUID", "1.2.3.2"),
        set_to("SOPClassUID", EnhancedSRStorage),
        without("Manufacturer"),
        without("VerificationFlag"),
        without("ContentSequence"),
        without("CurrentRequestedProcedureEvidenceSequence"),
    ],
    ids=lambda change: str(change.__name__),
)
def test_what_differs_in_one_mark_is_not(change: Callable[[Dataset], None]) -> None:
    ds = our_report("1.2.3.1.1.1")
    change(ds)
    assert not is_ours(ds)


def test_an_empty_object_is_not() -> None:
    assert not is_ours(Dataset())


def test_uids_follow_from_the_series_and_the_models_alone() -> None:
    assert report_uid(SERIES, READER) == report_uid(SERIES, READER)
    different = {
        report_uid(SERIES, READER),
        report_uid(SERIES, "f" * 16),
        report_uid("1.2.3.1.2", READER),
        report_series(SERIES, READER),
        capture_uid(SERIES, "1.2.3", None, READER),
        capture_uid(SERIES, "1.2.3", 0, READER),
        capture_uid(SERIES, "1.2.3", 1, READER),
        capture_uid(SERIES, "1.2.4", 1, READER),
    }
    assert len(different) == 8
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in different)


def test_a_report_of_ours_refers_to_nothing_that_counts() -> None:
    assert references(io.BytesIO(part10(our_report("1.2.77")))) == frozenset()
    assert references(io.BytesIO(part10(our_report("1.2.77"), ImplicitVRLittleEndian))) == frozenset()
    verified_since = our_report("1.2.77")
    verified(verified_since)
    assert references(io.BytesIO(part10(verified_since))) == {"1.2.77"}


def test_a_deflated_one_is_not_looked_into_and_counts() -> None:
    assert references(io.BytesIO(part10(our_report("1.2.77"), DeflatedExplicitVRLittleEndian))) == {"1.2.77"}


def test_files_of_other_classes_are_not_even_read() -> None:
    class Untouched(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError

    assert not is_our_report_file(Untouched(), EnhancedSRStorage)


def test_a_broken_file_is_not_ours() -> None:
    broken = part10(our_report("1.2.77"))[:-40]
    assert not is_our_report_file(io.BytesIO(broken), str(our_report("1.2.77").SOPClassUID))
