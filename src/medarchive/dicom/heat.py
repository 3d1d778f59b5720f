"""Heat: where the networks looked, drawn over what they saw, as a Secondary Capture that any viewer shows."""

import datetime as dt
import io
import warnings

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from medarchive.dicom.citation import cited_frame
from medarchive.dicom.derive import code_item
from medarchive.dicom.inherit import inherited
from medarchive.dicom.ours import MANUFACTURER, MODEL_NAME, capture_series, capture_uid
from medarchive.dicom.part10 import IMPLEMENTATION_UID
from medarchive.dicom.report import ReportedFinding
from medarchive.dicom.subject import text_of
from medarchive.errors import UnsupportedImage
from medarchive.view import View

__all__ = ["heat_capture"]

_SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
"""PS3.16 CID 7202."""
_OPAQUE = 0.6
"""How much of the picture the hottest place hides."""
_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")


def heat_capture(
    source: Dataset,
    view: View,
    heat: NDArray[np.float32],
    finding: ReportedFinding,
    *,
    number: int,
    now: dt.datetime,
) -> bytes:
    """A heat map over the grey picture as a Part 10 file, in the study of its source and in a series of its own.

    Its UIDs are ``capture_series`` and ``capture_uid``.

    Args:
        source: the header of the image.
        view: the frame as it was shown.
        heat: shape (rows, columns) of the view, 0 to 1.
        finding: what it belongs to: the frame, and which network.
        number: Series Number (0020,0011), at least 1.
        now: when it is made.

    Raises:
        MissingIdentity: see ``inherited``.
        UnsupportedImage: the map has another shape than the view.
    """
    if heat.shape != view.values.shape:
        raise UnsupportedImage(f"a heat map of {heat.shape} does not lie over an image of {view.values.shape}")
    made = inherited(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about UIDs that are the source's
        reader, cited = finding.reader, cited_frame(source, finding.frame)
        series, instance = str(source.SeriesInstanceUID), str(source.SOPInstanceUID)
        made.SOPClassUID = SecondaryCaptureImageStorage
        made.SOPInstanceUID = UID(capture_uid(series, instance, None if cited is None else cited - 1, reader))
        made.SeriesInstanceUID = UID(capture_series(series, reader))
        made.SeriesNumber, made.InstanceNumber = number, 1
        _say_what(made, source, f"{finding.algorithm} {finding.version}".strip(), cited)
        _say_who(made, reader, now)
        _draw(made, view, heat)
        out = io.BytesIO()
        made.save_as(out, enforce_file_format=True)
        return out.getvalue()


def _say_what(made: Dataset, source: Dataset, algorithm: str, cited: int | None) -> None:
    """What it is, and of which image (PS3.3 C.7.6.1, C.12.1.1.9, C.12.4)."""
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.SeriesDescription = "Heat maps of automatic findings, investigational"
    made.DerivationDescription = f"Heat map of {algorithm} over the image as displayed; investigational"[:1024]
    made.BurnedInAnnotation = "YES" if text_of(source, "BurnedInAnnotation").upper() == "YES" else "NO"
    made.PatientOrientation = made.Laterality = ""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    in_series = Dataset()
    in_series.update(reference)
    if cited is not None:
        reference.ReferencedFrameNumber = cited
    reference.PurposeOfReferenceCodeSequence = [code_item(*_SOURCE_IMAGE)]
    made.SourceImageSequence = [reference]
    item = Dataset()
    item.SeriesInstanceUID, item.ReferencedInstanceSequence = source.SeriesInstanceUID, [in_series]
    made.ReferencedSeriesSequence = [item]
    if text_of(source, "LossyImageCompression") == "01":
        made.LossyImageCompression = "01"
        for keyword in _LOSSY:
            if source.get(keyword):
                made[keyword] = source[keyword]


def _say_who(made: Dataset, reader: str, now: dt.datetime) -> None:
    """What made it, and when (PS3.3 C.7.5.1, C.8.6.1)."""
    made.Modality, made.ConversionType = "OT", "WSD"
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    made.SecondaryCaptureDeviceManufacturer, made.SecondaryCaptureDeviceManufacturerModelName = MANUFACTURER, MODEL_NAME
    made.DeviceSerialNumber = made.SoftwareVersions = reader
    made.ContentQualification = "RESEARCH"
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.InstanceCreationDate, made.InstanceCreationTime = date, time
    made.SeriesDate, made.SeriesTime, made.ContentDate, made.ContentTime = date, time, date, time
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = date, time
    made.InstanceCreatorUID = UID(IMPLEMENTATION_UID.decode("ascii"))
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID.decode("ascii"))


def _draw(made: Dataset, view: View, heat: NDArray[np.float32]) -> None:
    """The pixels: grey, and over it yellow to red, the denser the hotter."""
    hot = np.clip(np.nan_to_num(heat), 0, 1)[..., None]
    colour = np.concatenate([np.ones_like(hot), 1 - hot, np.zeros_like(hot)], axis=2)
    cover = _OPAQUE * hot
    pixels = np.rint(255 * ((1 - cover) * view.shown()[..., None] + cover * colour)).astype(np.uint8)
    made.Rows, made.Columns = heat.shape
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    data = pixels.tobytes()
    made.add_new(0x7FE00010, "OB", data + bytes(len(data) % 2))
