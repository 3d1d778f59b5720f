"""Healthy: tumour-free heads in all three planes, from DICOM series.

The labelled tumour-free pictures are nearly all axial, those with a tumour are of every plane: without these a head
that is seen from the side would be taken for one with a tumour.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import square
from medarchive.training.classifier.pictures import Picture, Pictures
from medarchive.view import View

__all__ = ["DATASET", "SERIES", "gather_healthy", "planes"]

DATASET = "codec"
SERIES = {
    "FNNDSC-2dbcb5": "FNNDSC-2dbcb5",
    "neurolabusc-9027aa": "neurolabusc-9027aa",
    "neurolabusc-5901ed": "neurolabusc-xa30",
    "neurolabusc-4e38ff": "neurolabusc-xa30",
}
"""Series of volunteers, and whose they are; nobody sees a tumour there. T1 without contrast, sagittal."""

_EVERY = 2  # of the slices of a volume
_LEAST = 0.12  # of a slice, what is brighter than a seventh of the volume's brightest
_PLANES = ("sagittal", "coronal", "axial")
Field = NDArray[np.float32]


def gather_healthy(data: Path) -> Pictures:
    """Pictures of the series below a folder that have a row in a CATALOG.tsv there and train; none where none has.

    Args:
        data: see ``anatomies.gather_anatomies``.
    """
    rows: list[Picture] = []
    pixels: list[NDArray[np.uint8]] = []
    for catalogue in sorted(data.glob("**/CATALOG.tsv")):
        with catalogue.open(newline="") as file:
            listed = [row for row in csv.DictReader(file, delimiter="\t") if row["dir"] in SERIES]
        for row in listed:
            if row["split"] != "train":
                continue
            folder, patient = catalogue.parent / row["dir"], SERIES[row["dir"]]
            for plane, values in _cut(folder):
                shown = View(values, None).shown()
                pixels.append(np.rint(square(shown) * 255).astype(np.uint8))
                group = f"{DATASET}:{patient}"
                rows.append(
                    Picture(folder, DATASET, "no_tumour", "train", group, patient, -1, f"T1 {plane}", None, patient)
                )
    whole = np.stack(pixels) if pixels else np.zeros((0, 256, 256), np.uint8)
    return Pictures(tuple(rows), whole, np.zeros(whole.shape, np.bool_))


def _cut(folder: Path) -> Iterator[tuple[str, Field]]:
    """Slices as they are; of a volume in one file all three planes, for its voxels are cubes."""
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        frames = _frames(path)
        if len(frames) == 1:
            yield _PLANES[0], frames[0]
        else:
            yield from planes(frames)


def planes(volume: Field) -> Iterator[tuple[str, Field]]:
    """Every other slice that shows enough, in each plane of a volume (x, z, y) of cubes; none is upside down."""
    bright = volume > np.quantile(volume, 0.999) / 7
    for axis, name in zip((0, 2, 1), _PLANES, strict=True):
        for at in range(0, volume.shape[axis], _EVERY):
            if np.take(bright, at, axis).mean() >= _LEAST:
                flat = np.take(volume, at, axis)
                yield name, flat if name == "sagittal" else np.ascontiguousarray(flat.T)


def _frames(path: Path) -> Field:
    import pydicom  # noqa: PLC0415  # only where there are DICOM files

    from medarchive.dicom.display import view  # noqa: PLC0415
    from medarchive.dicom.frames import file_frame  # noqa: PLC0415

    header = pydicom.dcmread(path, stop_before_pixels=True)
    count = int(header.get("NumberOfFrames") or 1)
    with path.open("rb") as stream:
        return np.stack([view(header, file_frame(stream, frame), frame).values for frame in range(count)])
