"""Series that look like a head in MR and a chest in CT, and are nobody's."""

import numpy as np
from pydicom.uid import MRImageStorage

from contracts.objects import ct
from contracts.phantoms import head
from medarchive.cli.phantom import volume

__all__ = ["BRAIN", "CHEST", "brain_mr", "chest_ct"]

BRAIN, CHEST = "1.2.826.0.1.3680043.10.1338.1", "1.2.826.0.1.3680043.10.1338.2"


def chest_ct(slices: int = 20, size: int = 256) -> list[bytes]:
    """A chest CT: axial slices, 2 mm apart, HU."""
    planes = volume(slices=slices, size=size)
    return [_slice(CHEST, number, plane, "Chest^Carla", "CT", "CHEST", -1024) for number, plane in enumerate(planes, 1)]


def brain_mr(slices: int = 12) -> list[bytes]:
    """A brain MR: slices of a head, some with a bright ball in it."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    out = []
    for number in range(1, slices + 1):
        plane = np.clip(head().pixels[0, :, :, 0].astype(int) - 900, 0, 400) * 4
        bone = head().pixels[0, :, :, 0] > 1700
        plane[bone] = 60
        if 4 <= number <= 9:
            plane[np.hypot((x - 0.25) / 0.18, (y + 0.2) / 0.2) < 1] = 1500
        out.append(_slice(BRAIN, number, plane.astype(np.uint16), "Brain^Bruno", "MR", "BRAIN", 0))
    return out


def _slice(study: str, number: int, plane: np.ndarray, name: str, modality: str, part: str, intercept: int) -> bytes:
    more = {"RescaleSlope": 1, "RescaleIntercept": intercept} if modality == "CT" else {"SOPClassUID": MRImageStorage}
    return ct(
        number,
        study=study,
        series=f"{study}.1",
        patient=name.partition("^")[0].upper(),
        size=plane.shape[0],
        PatientName=name,
        PatientBirthDate="19700101",
        PatientSex="O",
        Modality=modality,
        BodyPartExamined=part,
        StudyDescription=f"{part.capitalize()} {modality}",
        SeriesDescription=f"{part.capitalize()} phantom",
        SeriesNumber=1,
        PixelSpacing=[0.9, 0.9],
        ImagePositionPatient=[0, 0, 2 * number],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        SliceThickness=2,
        PixelData=np.ascontiguousarray(plane, "<u2").tobytes(),
        **more,
    )
