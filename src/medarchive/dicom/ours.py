"""Ours: the objects that this software makes of its own findings, how they are named, and how they are told again.

Their UIDs follow from the series that was read and the models that read it: reading again with the same models makes
the same object, never a second one. That is also what tells them from everything else: an object is ours where it names
us as its equipment and has the very UID that we would give it.
"""

import io
import warnings
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from medarchive.dicom.derive import named_uid

__all__ = [
    "MANUFACTURER",
    "MODEL_NAME",
    "capture_series",
    "capture_uid",
    "device_uid",
    "is_our_report_file",
    "is_ours",
    "report_series",
    "report_uid",
]

MANUFACTURER = "medarchive"
MODEL_NAME = "medarchive insight"
_DEVICE_OBSERVER_UID = "121012"
_LARGEST = 16 << 20
"""Bytes of a report that is looked into; ours have a few hundred for each image that was read."""


def report_series(series: str, reader: str) -> str:
    """The Series Instance UID for the report on a series.

    Args:
        series: Series Instance UID of what was read.
        reader: the hash over the models that read it.
    """
    return named_uid(f"report series {series} {reader}")


def report_uid(series: str, reader: str) -> str:
    """The SOP Instance UID of the report on a series; see ``report_series``."""
    return named_uid(f"report {series} {reader}")


def capture_series(series: str, reader: str) -> str:
    """The Series Instance UID for the heat maps over a series; see ``report_series``."""
    return named_uid(f"heat series {series} {reader}")


def capture_uid(series: str, instance: str, frame: int | None, reader: str) -> str:
    """The SOP Instance UID of the heat map over an image.

    Args:
        series: Series Instance UID of the image.
        instance: its SOP Instance UID.
        frame: of it, from 0; None where it has but one.
        reader: the hash over the models that read it.
    """
    return named_uid(f"heat {series} {instance} {'' if frame is None else frame} {reader}")


def device_uid(reader: str) -> str:
    """The UID of a set of models as the observer of what they found."""
    return named_uid(f"observer {reader}")


def is_ours(dataset: Dataset) -> bool:
    """Whether an object is a report or a heat map that was made here, and nobody has made it his own since.

    Args:
        dataset: a report as a whole, a heat map up to its pixel data.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if (dataset.Manufacturer, dataset.ManufacturerModelName) != (MANUFACTURER, MODEL_NAME):
                return False
            if dataset.SOPClassUID == Comprehensive3DSRStorage:
                return _is_report(dataset, str(dataset.DeviceSerialNumber))
            return dataset.SOPClassUID == SecondaryCaptureImageStorage and _is_capture(
                dataset, str(dataset.DeviceSerialNumber)
            )
        except Exception:  # noqa: BLE001  # something that we write is not there, or is odd: it is another's
            return False


def is_our_report_file(part10: BinaryIO, sop_class: str) -> bool:
    """The same of a Part 10 file, for reports alone; files of other classes are not looked into.

    Args:
        part10: not deflated; at any position, and left anywhere.
        sop_class: its SOP Class UID.
    """
    if sop_class != Comprehensive3DSRStorage or part10.seek(0, io.SEEK_END) > _LARGEST:
        return False
    part10.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return is_ours(pydicom.dcmread(part10))
        except Exception:  # noqa: BLE001  # what pydicom raises on broken objects has no common root
            return False


def _is_report(dataset: Dataset, reader: str) -> bool:
    """Unverified, by our device observer, on images of one series, under the UIDs that follow from it."""
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    observers = [
        item.UID
        for item in dataset.ContentSequence
        if item.ValueType == "UIDREF" and item.ConceptNameCodeSequence[0].CodeValue == _DEVICE_OBSERVER_UID
    ]
    return (
        dataset.VerificationFlag == "UNVERIFIED"
        and "PertinentOtherEvidenceSequence" not in dataset
        and study.StudyInstanceUID == dataset.StudyInstanceUID
        and observers == [device_uid(reader)]
        and dataset.SeriesInstanceUID == report_series(series.SeriesInstanceUID, reader)
        and dataset.SOPInstanceUID == report_uid(series.SeriesInstanceUID, reader)
    )


def _is_capture(dataset: Dataset, reader: str) -> bool:
    (series,) = dataset.ReferencedSeriesSequence
    (source,) = dataset.SourceImageSequence
    frame = int(source.ReferencedFrameNumber) - 1 if "ReferencedFrameNumber" in source else None
    return bool(
        dataset.SeriesInstanceUID == capture_series(series.SeriesInstanceUID, reader)
        and dataset.SOPInstanceUID
        == capture_uid(series.SeriesInstanceUID, source.ReferencedSOPInstanceUID, frame, reader)
    )
