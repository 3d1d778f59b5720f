"""The bones of a report of our own, for tests that do without highdicom: what tells it from others, and no more."""

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage

from medarchive.dicom.ours import MANUFACTURER, MODEL_NAME, device_uid, report_series, report_uid

__all__ = ["READER", "our_report"]

READER = "0123456789abcdef"


def our_report(uid: str, *, study: str = "1.2.3.1", series: str = "1.2.3.1.1") -> Dataset:
    """A report on an image of a series."""
    image, in_series, in_study, name, observer, ds = (Dataset() for _ in range(6))
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CTImageStorage, uid
    in_series.SeriesInstanceUID, in_series.ReferencedSOPSequence = series, [image]
    in_study.StudyInstanceUID, in_study.ReferencedSeriesSequence = study, [in_series]
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121012", "DCM", "Device Observer UID"
    observer.ValueType, observer.ConceptNameCodeSequence, observer.UID = "UIDREF", [name], device_uid(READER)
    ds.SOPClassUID, ds.SOPInstanceUID = Comprehensive3DSRStorage, report_uid(series, READER)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, report_series(series, READER)
    ds.PatientID, ds.Modality, ds.VerificationFlag = "P1", "SR", "UNVERIFIED"
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = MANUFACTURER, MODEL_NAME, READER
    ds.CurrentRequestedProcedureEvidenceSequence = [in_study]
    ds.ContentSequence = [observer]
    return ds
