"""Picture: a PNG or JPEG file wrapped as a Secondary Capture image (PS3.3 A.8.1), the same file to the same bytes."""

import datetime as dt
import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from medarchive.dicom.derive import named_uid
from medarchive.dicom.ours import MANUFACTURER
from medarchive.dicom.part10 import IMPLEMENTATION_UID
from medarchive.errors import CorruptStream, LimitExceeded
from medarchive.web.intake.room import room

__all__ = ["MOST_PIXELS", "About", "wrapped"]

MOST_PIXELS = 64_000_000
_MOST_SIDE = 65_535
_FORMATS = ("PNG", "JPEG")
_LONGEST = 64
_STUDY = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription"),
    *("ReferringPhysicianName", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"),
)


@dataclass(frozen=True, slots=True)
class About:
    """Whose picture it is.

    Attributes:
        values: of the patient and the study, by keyword.
        visit: what was uploaded together: pictures of one visit are one series.
        at: when that was, in UTC.
    """

    values: dict[str, str]
    visit: str
    at: dt.datetime

    @classmethod
    def of_study(cls, values: dict[str, str], visit: str, at: dt.datetime) -> Self:
        """In a study that is there, by its attributes in the catalogue."""
        return cls({keyword: values.get(keyword, "") for keyword in _STUDY}, visit, at)

    @classmethod
    def of_patient(cls, patient_id: str, name: str, description: str, visit: str, at: dt.datetime) -> Self:
        """In a study of its own."""
        values = {
            "PatientID": _line(patient_id),
            "PatientName": "^".join(part.strip() for part in _line(name).replace("=", " ").split(",", 1)),
            "StudyDescription": _line(description),
            "StudyDate": at.strftime("%Y%m%d"),
            "StudyTime": at.strftime("%H%M%S"),
        }
        uid = named_uid(f"uploaded study {visit} {values['PatientID']} {values['PatientName']} {description}")
        return cls({**dict.fromkeys(_STUDY, ""), **values, "StudyInstanceUID": uid}, visit, at)


def _line(text: str) -> str:
    """Text as LO and PN take it: one value, one line, 64 characters."""
    return re.sub(r"[\x00-\x1f\x7f\\]+", " ", text).strip()[:_LONGEST].strip()


def wrapped(file: BinaryIO, name: str, about: About, folder: Path) -> BinaryIO:
    """The Part 10 file of a picture.

    Args:
        file: PNG or JPEG.
        name: of the file.
        about: whose it is.
        folder: where it may lie: many wait to be stored together, and each may have 192 MB.

    Raises:
        CorruptStream: it is damaged.
        LimitExceeded: it has more than ``MOST_PIXELS`` pixels.
    """
    pixels, loss = _decoded(file)
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    dataset = _dataset(pixels, about)
    if loss:
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionRatio = f"{loss:.4g}"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
    else:
        dataset.LossyImageCompression = "00"
    series = named_uid(f"uploaded series {about.visit} {dataset.StudyInstanceUID}")
    dataset.SeriesInstanceUID = series
    dataset.SOPInstanceUID = named_uid(f"uploaded picture {series} {digest}")
    dataset.ImageComments = _line(name)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID.decode("ascii"))
    out = room(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values of the study that are as they are
            dataset.save_as(out, enforce_file_format=True)
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return out


def _decoded(file: BinaryIO) -> tuple[NDArray[Any], float]:
    """Pixels, (rows, columns) or (rows, columns, 3), uint8 or uint16; and how much smaller they came, if with loss."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
            with Image.open(file, formats=_FORMATS) as opened:
                columns, rows = opened.size
                if rows * columns > MOST_PIXELS or max(rows, columns) > _MOST_SIDE:
                    raise LimitExceeded(f"a picture of {columns} x {rows} pixels; at most {MOST_PIXELS} are taken")
                loss = opened.format == "JPEG"
                pixels = _plain(ImageOps.exif_transpose(opened))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CorruptStream(f"the picture cannot be decoded: {error}") from error
    return pixels, pixels.nbytes / max(size, 1) if loss else 0.0


def _plain(picture: Image.Image) -> NDArray[Any]:
    """Grey where it is grey, else RGB; what is transparent becomes black."""
    if picture.mode.startswith("I"):
        return np.asarray(picture).clip(0, 0xFFFF).astype("<u2")
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, (0, 0, 0, 255))
        ground.alpha_composite(seen)
        return np.asarray(ground.convert("L" if picture.mode == "LA" else "RGB"))
    return np.asarray(picture.convert("RGB"))


def _dataset(pixels: NDArray[Any], about: About) -> Dataset:
    """Patient, General Study, General Series, General Equipment, SC Equipment, General Image, Image Pixel, SC Image."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in about.values.items():
        if value or keyword != "IssuerOfPatientID":
            setattr(dataset, keyword, value)
    date, time = about.at.strftime("%Y%m%d"), about.at.strftime("%H%M%S")
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.InstanceCreationDate = dataset.DateOfSecondaryCapture = dataset.SeriesDate = date
    dataset.InstanceCreationTime = dataset.TimeOfSecondaryCapture = dataset.SeriesTime = time
    dataset.Modality, dataset.ConversionType = "OT", "WSD"
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, "medarchive upload"
    dataset.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    dataset.SecondaryCaptureDeviceManufacturerModelName = "medarchive upload"
    dataset.SeriesDescription, dataset.SeriesNumber = "Uploaded pictures", None
    dataset.Laterality, dataset.InstanceNumber = "", None
    dataset.PatientOrientation, dataset.ImageType = "", ["DERIVED", "SECONDARY"]
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    bits = 8 * pixels.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits, bits - 1, 0
    if pixels.ndim == 3:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    else:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    data = pixels.tobytes()
    dataset.add_new(0x7FE00010, "OW" if bits == 16 else "OB", data + bytes(len(data) % 2))
    return dataset
