"""Samples: pixels of DICOM files as the predictive codec's network meets them, for training and validation."""

import csv
import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from medarchive.codecs.predictive import flat, linear, solver
from medarchive.codecs.predictive.features import ALONE, COUNT, Context, features
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.dicom.frames import all_frames
from medarchive.errors import MedarchiveError

__all__ = ["Samples", "Volume", "gathered", "volumes"]

LOGGER = logging.getLogger(__name__)
_TILE = 512
_MOST_FRAMES = 24


@dataclass(frozen=True, slots=True)
class Volume:
    """Neighbouring frames of one series: shape (frames, rows, columns), values from 0 to highest."""

    name: str
    modality: str
    frames: Ints


@dataclass(frozen=True, slots=True)
class Samples:
    """Pixels: what the network sees of each, and what it shall predict.

    Attributes:
        features: int8, (pixels, COUNT).
        missed: int32, the value less its linear prediction, in sixteenths.
        scale: uint8, the scale k.
        low: int32, what the prediction has below it, in sixteenths; high: above it.
        weight: float32, what a bit counts for this pixel.
    """

    features: NDArray[np.int8]
    missed: Ints
    scale: NDArray[np.uint8]
    low: Ints
    high: Ints
    weight: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: "Sequence[Samples]") -> "Samples":
        """All pixels of several."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def volumes(folder: Path, split: str) -> Iterator[Volume]:
    """The series below a folder that belong to a split.

    Where the folder has a CATALOG.tsv with columns ``split`` and ``dir``, it decides; else one patient in five, by the
    hash of the Patient ID, is for validation.
    """
    catalogue = folder / "CATALOG.tsv"
    chosen: dict[str, str] = {}
    if catalogue.is_file():
        with catalogue.open(encoding="utf-8", newline="") as lines:
            chosen = {row["dir"]: row["split"] for row in csv.DictReader(lines, delimiter="\t")}
    for (top, uid, *_), members in sorted(_series(folder, split, chosen).items()):
        frames: list[Ints] = []
        for _, path, _ in sorted(members, key=lambda member: member[:2]):
            try:
                with path.open("rb") as stream:
                    frames.extend(image.pixels[0, :, :, 0].astype(np.int32) for image in all_frames(stream))
            except MedarchiveError as error:
                LOGGER.warning("%s: %s", path, error)
        frames = [frame for frame in frames if frame.shape == frames[0].shape]
        if frames:
            stacked = np.stack(frames)
            yield Volume(f"{top} {uid[-8:]}", str(members[0][2].get("Modality", "")), stacked - stacked.min())


def _series(
    folder: Path, split: str, chosen: dict[str, str]
) -> dict[tuple[str, ...], list[tuple[float, Path, pydicom.Dataset]]]:
    """Position, path and header of the files of a split, by series."""
    series: dict[tuple[str, ...], list[tuple[float, Path, pydicom.Dataset]]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        top = "".join(path.relative_to(folder).parts[:-1][:1])
        if not path.is_file() or (chosen and chosen.get(top) != split):
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, OSError, ValueError):
            continue
        if not chosen and (_hash(str(header.get("PatientID", ""))) % 5 == 0) is not (split == "validation"):
            continue
        key = (top, str(header.get("SeriesInstanceUID", "")), str(header.get("Rows")), str(header.get("Columns")))
        series[key].append((_position(header), path, header))
    return series


def _hash(text: str) -> int:
    """A number that stays the same from run to run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def _position(header: pydicom.Dataset) -> float:
    try:
        orientation = [float(number) for number in header.ImageOrientationPatient]
        normal = np.cross(orientation[:3], orientation[3:])
        return float(np.dot(normal, [float(number) for number in header.ImagePositionPatient]))
    except (AttributeError, TypeError, ValueError):
        return float(header.get("InstanceNumber") or 0)


def gathered(volume: Volume, pixels: int, random: np.random.Generator, *, vary: bool) -> Samples:
    """Pixels of a volume, half of them with the frame before as context where there is one.

    Args:
        volume: the frames.
        pixels: how many, at most.
        random: chooses them.
        vary: quantise, turn and mirror some of the frames, so that the network meets more than the volume has.
    """
    count = len(volume.frames)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_FRAMES)).astype(int))
    each = max(1, pixels // (len(chosen) * (2 if count > 1 else 1)))
    parts = []
    for index in chosen:
        frame = volume.frames[index]
        previous = volume.frames[index - 1] if index else volume.frames[1] if count > 1 else None
        if vary:
            frame, previous = _varied(frame, previous, random)
        frame, previous = _cut(frame, previous, random)
        ways = (None, previous) if previous is not None else (None,)
        parts += [_of_tile(frame, before, each, random) for before in ways]
    return Samples.joined(parts)


def _varied(frame: Ints, previous: Ints | None, random: np.random.Generator) -> tuple[Ints, Ints | None]:
    both = [frame] if previous is None else [frame, previous]
    if random.random() < 0.2:
        step = 2 * int(random.choice([1, 2, 4])) + 1
        both = [(one + step // 2) // step for one in both]
    if random.random() < 0.5:
        both = [one[:, ::-1] for one in both]
    if random.random() < 0.5:
        both = [one[::-1] for one in both]
    if random.random() < 0.3:
        both = [one.T for one in both]
    return both[0], both[1] if len(both) > 1 else None


def _cut(frame: Ints, previous: Ints | None, random: np.random.Generator) -> tuple[Ints, Ints | None]:
    rows, columns = frame.shape
    y = int(random.integers(0, max(rows - 2 * _TILE, 0) + 1))
    x = int(random.integers(0, max(columns - 2 * _TILE, 0) + 1))
    window = np.s_[y : y + 2 * _TILE, x : x + 2 * _TILE]
    return frame[window], None if previous is None else previous[window]


def planes_of(tile: Ints, before: Ints | None, highest: int) -> tuple[Geometry, Ints, Ints, Ints, Ints]:
    """Geometry, values, errors, places and predictions of a tile."""
    geometry = Geometry(*tile.shape)
    places = geometry.everywhere()
    values = geometry.plane_of(tile)
    weights = solver.solve(geometry, values, before, places)
    predicted = linear.predict(geometry, values, before, places, weights, highest)
    errors = geometry.new()
    errors.reshape(-1)[places] = values.reshape(-1)[places] - ((predicted + 8) >> 4)
    return geometry, values, geometry.plane_of(geometry.tile_of(errors)), places, predicted


def _of_tile(tile: Ints, previous: Ints | None, pixels: int, random: np.random.Generator) -> Samples:
    highest = int(tile.max()) if previous is None else max(int(tile.max()), int(previous.max()))
    before = before_errors = None
    if previous is not None:
        _, before, before_errors, _, _ = planes_of(previous, None, highest)
    geometry, values, errors, places, predicted = planes_of(tile, before, highest)
    coded = np.flatnonzero(~flat.flat(geometry, values, places))
    some = np.sort(random.choice(coded, min(pixels, coded.size), replace=False))
    missed = values.reshape(-1)[places[some]] * 16 - predicted[some]
    context = Context(geometry, values, errors, before, before_errors)
    found, scale = features(context, places[some], predicted[some], highest)
    all_features = np.zeros((some.size, COUNT), np.int8)
    all_features[:, : len(found)] = found.T
    assert len(found) in (ALONE, COUNT)
    # A pixel counts by the reciprocal of its image's bits, so that the mean over images of the ratio is what falls.
    bits = max(0.2, float(np.log2(1 + np.abs(missed) / 16).mean()) + 0.7)
    return Samples(
        all_features,
        missed.astype(np.int32),
        scale.astype(np.uint8),
        predicted[some],
        16 * highest - predicted[some],
        np.full(some.size, 1 / bits, np.float32),
    )
