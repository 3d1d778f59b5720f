"""Small DICOM objects for tests: made here, or shipped in pydicom's wheel. Nothing is fetched."""

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
"""pydicom's own test files."""


def ct(
    number: int = 1,
    *,
    uid: str | None = None,
    study: str = "1.2.3.1",
    series: str = "1.2.3.1.1",
    patient: str = "P1",
    size: int = 32,
    **attributes: object,
) -> bytes:
    """A CT slice as a Part 10 file: smooth 12-bit pixels with noise, of a fixed seed."""
    uid = uid or f"{series}.{number}"
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:size, :size]
    pixels = (1000 + 8 * x + 4 * y + rng.integers(0, 16, (size, size))).astype("<u2")
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.PatientID, ds.PatientName, ds.Modality = patient, "Test^Person", "CT"
    ds.StudyDate, ds.InstanceNumber = "20240102", str(number)
    ds.Rows = ds.Columns = size
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = pixels.tobytes()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return part10(ds)


def part10(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set with its File Meta Information."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def new_uid() -> str:
    """A UID that nobody has."""
    return str(generate_uid())
