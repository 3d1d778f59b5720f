"""Sources: which frames of which files make up a series, from the headers alone."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pydicom

from medarchive.dicom.part10 import Header, read_header
from medarchive.errors import MedarchiveError

__all__ = ["Found", "PassedOver", "Source", "gathered", "scanned"]

_SHAPE = (0x00280010, 0x00280011, 0x00280002, 0x00280100, 0x00280101, 0x00280103)
"""Rows, Columns, Samples per Pixel, Bits Allocated, Bits Stored, Pixel Representation."""
_FRAMES = 0x00280008
_PLACE = ("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient")

Place = tuple[tuple[float, ...], float, int]
"""Sorts slices: the normal of the plane, the position along it in mm, the Instance Number."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is not measured, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """Consecutive frames of a file.

    Attributes:
        path: of the file.
        series: its SeriesInstanceUID.
        modality: as the file says, "-" where it does not.
        shape: rows, columns, samples, bits allocated, bits stored, pixel representation; 0 for what is absent.
        place: where it lies among those of its series.
        start: the first frame.
        stop: the frame behind the last.
    """

    path: Path
    series: str
    modality: str
    shape: tuple[int, ...]
    place: Place
    start: int
    stop: int

    @property
    def nbytes(self) -> int:
        """About what its pixels take in memory."""
        rows, columns, samples, allocated, *_ = self.shape
        return (self.stop - self.start) * rows * columns * max(samples, 1) * -(-allocated // 8)


@dataclass(frozen=True, slots=True)
class Found:
    """A series: its sources in the order of their places.

    Attributes:
        name: modality and a number.
        modality: as the files say, "-" where they do not.
        uid: SeriesInstanceUID, empty where there is none.
        sources: at least one.
    """

    name: str
    modality: str
    uid: str
    sources: tuple[Source, ...]

    @property
    def nbytes(self) -> int:
        """About what its pixels take in memory."""
        return sum(source.nbytes for source in self.sources)


def scanned(files: Iterable[Path]) -> Iterator[Source | PassedOver]:
    """What each file holds. An object that comes twice is passed over the second time."""
    seen: dict[str, Path] = {}
    for path in files:
        try:
            with path.open("rb") as stream:
                header = read_header(stream)
                uid = _text(header, 0x00080018)
                first = seen.setdefault(uid, path)
                if uid and first != path:
                    yield PassedOver(path, f"the same SOP Instance UID as {first}")
                elif header.pixel is None and not header.trouble:
                    yield PassedOver(path, "the object has no pixel data")
                else:
                    yield _source(path, header)
        except (MedarchiveError, OSError) as error:
            yield PassedOver(path, getattr(error, "strerror", None) or str(error))


def gathered(sources: Iterable[Source], limit: int | None = None) -> list[Found]:
    """Series of equal shape, by modality; of each the ``limit`` frames in its middle, or all."""
    groups: dict[tuple[object, ...], list[Source]] = {}
    for source in sources:
        groups.setdefault((source.modality, source.series or source.path, source.shape), []).append(source)
    found = []
    counts: Counter[str] = Counter()
    for group in sorted(groups.values(), key=lambda group: group[0].modality):
        modality, uid = group[0].modality, group[0].series
        counts[modality] += 1
        ordered = sorted(group, key=attrgetter("place"))
        found.append(Found(f"{modality} {counts[modality]}", modality, uid, tuple(_middle(ordered, limit))))
    return found


def _middle(sources: list[Source], limit: int | None) -> Iterator[Source]:
    count = sum(source.stop for source in sources)
    first = max(count - limit, 0) // 2 if limit else 0
    last = min(first + limit, count) if limit else count
    for source in sources:
        start, stop = max(first, 0), min(last, source.stop)
        if start < stop:
            yield Source(source.path, source.series, source.modality, source.shape, source.place, start, stop)
        first, last = first - source.stop, last - source.stop


def _source(path: Path, header: Header) -> Source:
    shape = tuple(header.integer(tag) or 0 for tag in _SHAPE)
    frames = max(header.integer(_FRAMES) or 1, 1)
    return Source(path, _text(header, 0x0020000E), _text(header, 0x00080060) or "-", shape, _place(path), 0, frames)


def _place(path: Path) -> Place:
    """Where a slice lies (PS3.3 C.7.6.2); without position or orientation the Instance Number alone sorts."""
    number = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are passed over below
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_PLACE))
            number = int(header.get("InstanceNumber") or 0)
            x, y, z = (float(value) for value in header.ImagePositionPatient)
            a, b, c, d, e, f = (float(value) for value in header.ImageOrientationPatient)
    except Exception:  # noqa: BLE001  # absent, malformed or unreadable: whatever pydicom makes of it
        return (), 0.0, number
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    along = math.fsum(n * p for n, p in zip(normal, (x, y, z), strict=True))
    return tuple(round(n, 2) + 0.0 for n in normal), round(along, 3), number


def _text(header: Header, tag: int) -> str:
    return header.text(tag, "UI").strip(" \0")
