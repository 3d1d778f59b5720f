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
from medarchive.training.classifier.views import views
from medarchive.view import View

__all__ = ["DATASET", "SERIES", "gather_healthy", "planes"]

DATASET = "codec"
SERIES = {
    "FNNDSC-2dbcb5": "FNNDSC-2dbcb5",
    "FNNDSC-b0cb3b": "FNNDSC-b0cb3b",
    "neurolabusc-9027aa": "neurolabusc-9027aa",
    "neurolabusc-5901ed": "neurolabusc-xa30",
    "neurolabusc-4e38ff": "neurolabusc-xa30",
}
"""Series in which no tumour is to be seen, and whose they are. T1 without contrast, sagittal."""

_EVERY = 2  # of the slices of a volume
_LEAST = 0.12  # of a slice, what has to be brighter than a seventh of the brightest of all slices
_PLANES = ("sagittal", "coronal", "axial")
Field = NDArray[np.float32]


def gather_healthy(data: Path) -> Pictures:
    """Pictures of the series that a CATALOG.tsv below a folder names, with the split that it says; none if it has none.

    Args:
        data: see ``anatomies.gather_anatomies``.
    """
    rows: list[Picture] = []
    pixels: list[NDArray[np.uint8]] = []
    for catalogue in sorted(data.glob("**/CATALOG.tsv")):
        with catalogue.open(newline="") as file:
            listed = [row for row in csv.DictReader(file, delimiter="\t") if row["dir"] in SERIES]
        for row in listed:
            folder, patient = catalogue.parent / row["dir"], SERIES[row["dir"]]
            for plane, shown in _cut(folder):
                pixels.append(np.rint(square(shown) * 255).astype(np.uint8))
                group = f"{DATASET}:{patient}"
                shows = f"T1 {plane}"
                rows.append(
                    Picture(folder, DATASET, "no_tumour", row["split"], group, patient, -1, shows, None, patient)
                )
    whole = np.stack(pixels) if pixels else np.zeros((0, 256, 256), np.uint8)
    return Pictures(tuple(rows), whole, np.zeros(whole.shape, np.bool_))


def _cut(folder: Path) -> Iterator[tuple[str, Field]]:
    """What a display shows of slices; of a volume in one file of all three planes, for its voxels are cubes."""
    found = [views(path) for path in sorted(each for each in folder.iterdir() if each.is_file())]
    if len(found) == 1 and len(found[0]) > 1:
        volume = np.stack([each.values for each in found[0]])
        yield from ((plane, View(values, None).shown()) for plane, values in planes(volume))
        return
    slices = [each for frames in found for each in frames]
    if not slices:
        return
    enough = _shows(np.stack([each.values for each in slices])).mean(axis=(1, 2)) >= _LEAST
    yield from ((_PLANES[0], each.shown()) for each, shows in zip(slices, enough, strict=True) if shows)


def planes(volume: Field) -> Iterator[tuple[str, Field]]:
    """Every other slice that shows enough, in each plane of a volume (x, z, y) of cubes; none is upside down."""
    shows = _shows(volume)
    for axis, name in zip((0, 2, 1), _PLANES, strict=True):
        for at in range(0, volume.shape[axis], _EVERY):
            if np.take(shows, at, axis).mean() >= _LEAST:
                flat = np.take(volume, at, axis)
                yield name, flat if name == "sagittal" else np.ascontiguousarray(flat.T)


def _shows(slices: Field) -> NDArray[np.bool_]:
    """Where there is more than air."""
    return np.asarray(slices > np.quantile(slices, 0.999) / 7)
