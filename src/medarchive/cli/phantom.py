"""A synthetic CT volume for demonstrations: what a chest looks like to a codec, and nobody's."""

import hashlib
import io
from collections.abc import Iterator

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

__all__ = ["chest_ct", "volume"]

_AIR, _LUNG, _FAT, _MUSCLE, _BLOOD, _BONE = -1000.0, -870.0, -95.0, 45.0, 160.0, 620.0
_SPACING = 1.4
_OFFSET = 1024
Field = NDArray[np.float64]


def volume(slices: int = 24, size: int = 256, seed: int = 20) -> NDArray[np.uint16]:
    """A chest in Hounsfield units + 1024, as 12-bit values.

    Ellipses for body, fat, lungs, heart, spine and ribs, tubes for vessels; then the blur of a scanner's point spread
    and noise of the colour that filtered back-projection gives it.

    Args:
        slices: number of slices, 2 mm apart.
        size: rows and columns.
        seed: of vessels and noise.

    Returns:
        Shape (slices, size, size), values 0 to 4095.
    """
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1, 1, size)
    y, x = axis[:, None], axis[None, :]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    blur = np.exp(-((radius / 0.22) ** 2))
    colour = radius * np.exp(-((radius / 0.25) ** 2))
    colour /= np.sqrt(np.mean(colour**2))
    vessels = rng.uniform((-0.5, -0.45, -0.25, -0.25, 0.008), (0.5, 0.45, 0.25, 0.25, 0.03), (120, 5))
    frames = []
    for z in np.linspace(-1, 1, slices):
        slice_ = _filtered(_anatomy(x, y, float(z), vessels), blur)
        noise = _filtered(rng.standard_normal((size, size)), colour)
        frames.append(np.clip(np.rint(slice_ + 14 * noise) + _OFFSET, 0, 4095))
    return np.array(frames).astype(np.uint16)


def chest_ct(slices: int = 24, size: int = 256) -> Iterator[bytes]:
    """The volume as CT instances, Part 10 files; their UIDs follow from their pixels."""
    pixels = volume(slices, size)
    study = _uid(pixels.tobytes())
    for number, frame in enumerate(pixels, 1):
        yield _instance(frame, number, study)


def _anatomy(x: Field, y: Field, z: float, vessels: Field) -> Field:
    """A slice without blur and noise; x and y from -1 to 1 in rows and columns, z from -1 (bottom) to 1 (top)."""
    image = np.full(np.broadcast_shapes(x.shape, y.shape), _AIR)

    def fill(centre_x: float, centre_y: float, width: float, height: float, value: float) -> NDArray[np.bool_]:
        inside = ((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2 < 1
        image[inside] = value
        return inside

    fill(0, 0.02, 0.9, 0.66, _FAT)
    fill(0, 0.02, 0.84, 0.6, _MUSCLE)
    for side in (-1, 1):
        for rib in range(7):
            angle = np.pi * (0.12 + 0.11 * rib) + 0.2 * z
            fill(0.8 * side * np.sin(angle), 0.02 - 0.55 * np.cos(angle), 0.05, 0.028, _BONE)
    lungs = np.zeros_like(image, bool)
    for side in (-1, 1):
        lungs |= fill(0.4 * side, 0, 0.31 - 0.05 * z * z, 0.46 - 0.1 * max(z, 0), _LUNG)
    for at_x, at_y, lean_x, lean_y, thick in vessels:
        inside = (x - at_x - lean_x * z) ** 2 + (y - at_y - lean_y * z) ** 2 < thick**2
        image[inside & lungs] = _MUSCLE
    fill(0.12, -0.12, 0.26 * np.sqrt(1 - 0.6 * z * z), 0.24, _BLOOD)
    fill(0, 0.16, 0.06, 0.06, _LUNG if z > 0.2 else _BLOOD)
    fill(0, 0.42, 0.13, 0.12, _BONE)
    fill(0, 0.42, 0.09, 0.08, 0.4 * _BONE)
    return image


def _filtered(image: Field, response: Field) -> Field:
    return np.fft.ifft2(np.fft.fft2(image) * response).real


def _uid(data: bytes) -> str:
    """A UID that follows from content (PS3.5 B.2): the same pixels are the same object wherever they are made."""
    return f"2.25.{int.from_bytes(hashlib.sha256(data).digest()[:16])}"


def _instance(frame: NDArray[np.uint16], number: int, study: str) -> bytes:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, _uid(study.encode() + frame.tobytes())
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    ds.FrameOfReferenceUID = f"{study}.2"
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "PHANTOM", "Phantom^Chest", "", ""
    ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "1", "20240102", "120000", ""
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "CT", "1", str(number)
    ds.StudyDescription, ds.SeriesDescription = "Synthetic chest", "Axial 2 mm"
    ds.Manufacturer, ds.BodyPartExamined, ds.PatientPosition = "medarchive", "CHEST", "HFS"
    ds.ImageType, ds.ReferringPhysicianName, ds.PositionReferenceIndicator = ["ORIGINAL", "PRIMARY", "AXIAL"], "", ""
    ds.KVP, ds.AcquisitionNumber = "120", "1"
    ds.PixelSpacing, ds.SliceThickness = [_SPACING, _SPACING], "2"
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 2 * number], [1, 0, 0, 0, 1, 0]
    ds.Rows, ds.Columns = frame.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -_OFFSET, 1, "HU"
    ds.PixelData = frame.astype("<u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()
