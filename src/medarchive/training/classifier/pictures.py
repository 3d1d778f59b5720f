"""Pictures: labelled pictures with their splits, as one array. No patient, block or leak group is in two splits."""

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medarchive.errors import SettingsError
from medarchive.insight.picture import SIDE, square

__all__ = ["Picture", "Pictures", "gather"]

_VALIDATION = 0.12


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of a MANIFEST.csv.

    Attributes:
        path: of the file.
        dataset: the collection that it comes from.
        label: in the manifest's words.
        split: train, validation or test. Validation is cut from train by group.
        group: what must not be divided: block, patient or leak group.
        patient: "" where the collection does not say.
        height: slice index, or -1.
        contrast: as the manifest says, "" where it does not.
        mask: of the lesion's outline, where there is a file.
        twins: patient, otherwise near-duplicate group: what an interval draws again as one.
        distance: slices to the nearest one with a tumour; -1 where the manifest does not count them.
    """

    path: Path
    dataset: str
    label: str
    split: str
    group: str
    patient: str
    height: int
    contrast: str
    mask: Path | None
    twins: str = ""
    distance: int = -1


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures, and what is in them.

    Attributes:
        rows: one a picture.
        pixels: (n, 256, 256), uint8.
        masks: (n, 256, 256), bool; all False where there is no outline.
    """

    rows: tuple[Picture, ...]
    pixels: NDArray[np.uint8]
    masks: NDArray[np.bool_]

    def where(self, wanted: Callable[[Picture], bool]) -> "Pictures":
        """The pictures for which something holds."""
        chosen = [number for number, row in enumerate(self.rows) if wanted(row)]
        return Pictures(tuple(self.rows[number] for number in chosen), self.pixels[chosen], self.masks[chosen])

    def joined(self, more: "Pictures") -> "Pictures":
        """These and more."""
        return Pictures(
            (*self.rows, *more.rows),
            np.concatenate([self.pixels, more.pixels]),
            np.concatenate([self.masks, more.masks]),
        )

    def __len__(self) -> int:
        """How many."""
        return len(self.rows)


def gather(data: Path, datasets: Iterable[str] = ()) -> Pictures:
    """Read all pictures below a folder that its MANIFEST.csv files name.

    Args:
        data: holds manifests, itself or in folders just below it; ``figshare-masks`` beside one holds outlines.
        datasets: those wanted; none takes all.

    Raises:
        SettingsError: there is no manifest, or a file that it names cannot be read.
    """
    manifests = sorted([*data.glob("MANIFEST.csv"), *data.glob("*/MANIFEST.csv")])
    if not manifests:
        raise SettingsError(
            f"{data}: no MANIFEST.csv there or one folder below; it names the pictures and their labels"
        )
    wanted = frozenset(datasets)
    rows = [row for manifest in manifests for row in _rows(manifest, data) if not wanted or row.dataset in wanted]
    pixels = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    masks = np.zeros((len(rows), SIDE, SIDE), np.bool_)
    for number, row in enumerate(rows):
        pixels[number] = np.rint(_read(row.path) * 255).astype(np.uint8)
        if row.mask is not None:
            masks[number] = _read(row.mask) > 0.5
    return Pictures(tuple(rows), pixels, masks)


def _rows(manifest: Path, data: Path) -> Iterable[Picture]:
    outlines = next(iter(sorted(data.glob("**/figshare-masks"))), None)
    with manifest.open(newline="") as file:
        for row in csv.DictReader(file):
            path = manifest.parent / row["path"]
            group = row.get("block") or row.get("patient") or row.get("leak_group") or row["path"]
            mask = None
            if outlines is not None and row["dataset"] == "figshare-cheng":
                mask = (outlines / Path(row["path"]).relative_to("figshare-cheng")).with_suffix(".png")
            yield Picture(
                path=path,
                dataset=row["dataset"],
                label=row["label"],
                split=_split(row, group),
                group=f"{row['dataset']}:{group}",
                patient=row.get("patient") or "",
                height=int(row.get("slice_index") or -1),
                contrast=row.get("contrast") or "",
                mask=mask if mask is not None and mask.exists() else None,
                twins=row.get("patient") or row.get("leak_group") or row["path"],
                distance=int(row.get("dist_to_tumour_slices") or -1),
            )


def _split(row: dict[str, str], group: str) -> str:
    """Train, validation or test. Where a block is given, the block before the test's validates."""
    if row["split"] == "test":
        return "test"
    if row.get("block"):
        return "validation" if row["block"] == "3" else "train"
    share = int.from_bytes(hashlib.sha256(f"{row['dataset']}:{group}".encode()).digest()[:4], "big") / 2**32
    return "validation" if share < _VALIDATION else "train"


def _read(path: Path) -> NDArray[np.float32]:
    try:
        values = np.asarray(imagecodecs.imread(path.read_bytes()))
    except (OSError, ValueError, RuntimeError) as error:
        raise SettingsError(f"{path}: cannot be read as a picture: {error}") from error
    if values.ndim == 3:
        values = values[..., :3].mean(axis=2)
    top = 255.0 if values.dtype == np.uint8 else max(float(values.max()), 1.0)
    return square(values.astype(np.float32) / np.float32(top))
