"""Anatomies: pictures and DICOM slices with what part of the body they show, for the router."""

import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medarchive.insight.picture import square
from medarchive.training.classifier.narrow import filled, narrow
from medarchive.training.classifier.pictures import Picture, gather
from medarchive.training.classifier.views import views
from medarchive.view import View

__all__ = ["ANATOMIES", "SIZE", "Anatomies", "Sample", "gather_anatomies"]

ANATOMIES = ("brain-mr", "brain-ct", "lung-ct", "lung-nodule", "chest-xray", "other")
"""The router's classes, in its order. Of a head it says the modality too: the tumour network is for MR."""

SIZE = 128
"""Rows and columns that the router works on: half of what every network is given."""

_OF_DATASET = {
    "bhuvaji-brain-mri": "brain-mr",
    "brain-tumor-progression": "brain-mr",
    "figshare-cheng": "brain-mr",
    "iq-othnccd": "lung-ct",
    "ixi-nichart-2mm": "brain-mr",
    "kermany-cxr-small": "chest-xray",
    "lidc-nodule-patches": "lung-nodule",
    "nickparvar-brain-mri": "brain-mr",
    "open-ms-data": "brain-mr",
    "singles-dcm-t1": "brain-mr",
}
_OF_LABEL = {"CXR": "chest-xray", "ChestCT": "lung-ct", "HeadCT": "brain-ct"}
_NARROW = 48
_FILLED = 12
_WINDOWS = {
    "lung-ct": ((-600.0, 1500.0), (40.0, 400.0), (100.0, 200.0)),
    "brain-ct": ((40.0, 80.0), (40.0, 400.0), (300.0, 1800.0)),
    "other": ((40.0, 400.0), (100.0, 200.0), (-600.0, 1500.0), (300.0, 1800.0)),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture and what it shows.

    Attributes:
        anatomy: one of ``ANATOMIES``.
        finding: a label in its collection's words; of a DICOM slice its modality.
        dataset: the collection; "codec" for DICOM slices.
        split: train, validation or test.
        group: what must not be divided between splits.
        leak: what must not be found for a picture of it: its patient or its near-duplicates.
    """

    anatomy: str
    finding: str
    dataset: str
    split: str
    group: str
    leak: str

    @property
    def label(self) -> str:
        """Anatomy and finding, what the embedding is to tell apart."""
        return f"{self.anatomy}/{self.finding}"


@dataclass(frozen=True, slots=True)
class Anatomies:
    """Samples, and what is in them.

    Attributes:
        rows: one a picture.
        pixels: (n, 128, 128), uint8: squares halved.
    """

    rows: tuple[Sample, ...]
    pixels: NDArray[np.uint8]

    def where(self, wanted: Callable[[Sample], bool]) -> "Anatomies":
        """The samples for which something holds."""
        chosen = [number for number, row in enumerate(self.rows) if wanted(row)]
        return Anatomies(tuple(self.rows[number] for number in chosen), self.pixels[chosen])

    def __len__(self) -> int:
        """How many."""
        return len(self.rows)

    @property
    def targets(self) -> NDArray[np.int64]:
        """The number of each sample's anatomy."""
        return np.array([ANATOMIES.index(row.anatomy) for row in self.rows], np.int64)


def gather_anatomies(data: Path) -> Anatomies:
    """All labelled pictures below a folder, and the DICOM series there whose anatomy ``anatomies.tsv`` tells.

    Pictures of chest scans that ``lungless.tsv`` names are other: they show what lies below the lungs.

    Args:
        data: holds folders with MANIFEST.csv (``pictures.gather``), and any with a CATALOG.tsv of DICOM series.

    Raises:
        SettingsError: there are no pictures, or one cannot be read.
    """
    pictures = gather(data)
    lungless = frozenset(Path(__file__).with_name("lungless.tsv").read_text().split()[1:])
    rows = [
        Sample(_anatomy(row, lungless), row.label, row.dataset, row.split, row.group, f"{row.dataset}:{row.twins}")
        for row in pictures.rows
    ]
    pixels = [_halved(each) for each in pictures.pixels]
    for catalogue in sorted(data.glob("**/CATALOG.tsv")):
        for sample, shown in _series(catalogue):
            rows.append(sample)
            pixels.append(_halved(np.rint(square(shown) * 255)))
    return Anatomies(tuple(rows), np.stack(pixels))


def _anatomy(row: Picture, lungless: frozenset[str]) -> str:
    """What a picture shows; slices below the lungs are other, whatever their collection calls them."""
    if "/".join(row.path.parts[-4:]) in lungless:
        return "other"
    return _OF_DATASET.get(row.dataset) or _OF_LABEL.get(row.label, "other")


def _halved(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.uint8]:
    quads = pixels.reshape(SIZE, 2, SIZE, 2).astype(np.float32)
    return np.asarray(np.rint(quads.mean(axis=(1, 3))), np.uint8)


def _series(catalogue: Path) -> Iterator[tuple[Sample, NDArray[np.float32]]]:
    """Slices of every series that the table knows: at most 16 of one; CT that trains in several windows, and narrow."""
    table = Path(__file__).with_name("anatomies.tsv")
    with table.open(newline="") as file:
        known = {row["series"]: row["anatomy"] for row in csv.DictReader(file, delimiter="\t")}
    with catalogue.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            anatomy = known.get(row["dir"], "")
            if not anatomy:
                continue
            if anatomy == "brain":
                anatomy = "brain-ct" if row["modality"] == "CT" else "brain-mr"
            sample = Sample(anatomy, row["modality"], "codec", row["split"], *2 * [f"codec:{row['dir']}"])
            files = sorted(path for path in (catalogue.parent / row["dir"]).iterdir() if path.is_file())
            few = files[:: max(1, -(-len(files) // 16))]
            seen = [view for path in few for view in views(path, middle=True)]
            for view in seen:
                yield sample, view.shown()
            slices = [view for view in seen if view.hounsfield and sample.split == "train"]
            for view in slices:
                for window in _WINDOWS[anatomy]:
                    yield sample, view.shown(window)
            if row["modality"] == "CT":
                yield from _narrowed(sample, slices)


def _narrowed(sample: Sample, slices: Sequence[View]) -> Iterator[tuple[Sample, NDArray[np.float32]]]:
    """As many narrow pictures of each series, and of chests as many with their lungs filled, which are other."""
    draw = np.random.default_rng(zlib.crc32(sample.group.encode()))
    for number in range(_NARROW if slices else 0):
        values = slices[number % len(slices)].values
        yield replace(sample, finding="CT, narrow"), narrow(values, draw)
        if sample.anatomy == "lung-ct" and number < _FILLED:
            yield replace(sample, anatomy="other", finding="CT, filled"), narrow(filled(values, draw), draw)
