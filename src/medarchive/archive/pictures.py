"""Pictures: which frames of a series are read, and how each becomes what a display shows."""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import BinaryIO

import pydicom
import zstandard
from pydicom.dataset import Dataset

from medarchive.archive.blobs import BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.archive.instances import matching
from medarchive.archive.retrieve import current
from medarchive.codecs.limits import MAX_FRAMES
from medarchive.dicom.display import evidence, view
from medarchive.dicom.frames import file_frame, split_frame
from medarchive.dicom.images import is_image
from medarchive.dicom.instance_blob import head_of
from medarchive.dicom.place import Place, place
from medarchive.errors import ArchiveBusy, BlobMissing, DicomError, LimitExceeded, MedarchiveError
from medarchive.image import Image
from medarchive.view import Evidence, View

__all__ = [
    "MOST_PIXELS",
    "Frame",
    "Picture",
    "Pictures",
    "header_of",
    "images_of",
    "picture",
    "spread",
    "spread_frames",
]

_START = 1 << 18
"""Bytes of a file in which its position is looked for."""
MOST_PIXELS = 64 << 20
"""Of all pictures that are held together: 256 MiB."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that is to be read: ``index`` from 0, of an instance."""

    record: InstanceRecord
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frame as it is shown, or why there is nothing to show.

    Attributes:
        view: None where it cannot be decoded.
        evidence: what its header says.
        reason: why it cannot be.
    """

    view: View | None
    evidence: Evidence = field(default_factory=Evidence)
    reason: str = ""


def images_of(catalog: Catalog, condition: str, *parameters: object) -> list[InstanceRecord]:
    """The visible images of an SQL condition that were not made of readings, in the order of their arrival."""
    where = f"{condition} AND instance.hidden_at IS NULL AND instance.made IS NULL"
    return [record for record in matching(catalog, where, *parameters) if is_image(record.sop_class)]


def spread(count: int, most: int) -> list[int]:
    """At most so many numbers below ``count``, evenly spaced, each in the middle of its part.

    >>> spread(10, 3)
    [1, 5, 8]
    """
    kept = min(count, max(most, 1))
    return [(2 * number + 1) * count // (2 * kept) for number in range(kept)]


def spread_frames(catalog: Catalog, blobs: BlobStore, records: Sequence[InstanceRecord], most: int) -> list[Frame]:
    """At most so many frames of some instances, evenly spaced in the order in which they lie in the body.

    Fewer where they are so large that together they would take too much memory.

    Raises:
        ArchiveBusy, OSError: the archive cannot be read now.
    """
    said = _said(catalog, records)
    placed = sorted(
        ((_place(blobs, record, said[record.id]), record.id, record) for record in records), key=lambda each: each[:2]
    )
    ends, total = [], 0
    for _, number, _ in placed:
        total += said[number].frames
        ends.append(total)
    largest = max((each.pixels for each in said.values()), default=1)
    found, at = [], 0
    for number in spread(total, min(most, max(MOST_PIXELS // largest, 1))):
        while ends[at] <= number:
            at += 1
        found.append(Frame(placed[at][2], number - (ends[at - 1] if at else 0)))
    return found


class Pictures:
    """Frames of instances as they are shown. What cannot be decoded costs its own picture and nothing else."""

    def __init__(self, catalog: Catalog, decoded: Decoded, opened: Callable[[InstanceRecord], BinaryIO]) -> None:
        """Put the parts together.

        Args:
            catalog: where an instance is, when it was moved meanwhile.
            decoded: frames of those in containers.
            opened: gives an instance's file; the caller closes it.
        """
        self._catalog = catalog
        self._decoded = decoded
        self._opened = opened

    def show(self, frames: Sequence[Frame], pause: Callable[[], None]) -> list[Picture]:
        """One for each frame; ``pause`` is called before each.

        Raises:
            ArchiveBusy, OSError: the archive cannot be read now.
        """
        found: list[Picture] = []
        for uid, some in groupby(frames, key=lambda frame: frame.record.uid):
            indices = [frame.index for frame in some]
            try:
                found += current(self._catalog, uid, partial(self._instance, indices, pause))
            except (ArchiveBusy, OSError):
                raise
            except MedarchiveError as error:
                found += [Picture(None, reason=str(error))] * len(indices)
        return found

    def header(self, record: InstanceRecord, keywords: Sequence[str] | None = None) -> Dataset:
        """An instance's data set without its pixel data; of ``keywords`` those attributes alone.

        Raises:
            DicomError: it cannot be read.
            BlobMissing, BlobCorrupt, NotFound: it is not there.
        """
        return current(self._catalog, record.uid, partial(self._header, keywords))

    def _header(self, keywords: Sequence[str] | None, record: InstanceRecord) -> Dataset:
        if record.form == "split":
            return header_of(io.BytesIO(head_of(self._blob(record))[1]), keywords)
        with self._opened(record) as file:
            return header_of(file, keywords)

    def _instance(self, indices: Sequence[int], pause: Callable[[], None], record: InstanceRecord) -> list[Picture]:
        if record.form == "split":
            blob = self._blob(record)
            dataset = header_of(io.BytesIO(head_of(blob)[1]))
            one = partial(self._decoded.one, record)
            return [picture(dataset, i, lambda i=i: split_frame(blob, one, i), pause) for i in indices]  # type: ignore[misc]
        with self._opened(record) as file:
            dataset = header_of(file)
            return [picture(dataset, i, lambda i=i: file_frame(file, i), pause) for i in indices]  # type: ignore[misc]

    def _blob(self, record: InstanceRecord) -> bytes:
        with self._decoded.blobs.open(record.blob) as stream:
            return stream.read()


def picture(dataset: Dataset, index: int, frame: Callable[[], Image], pause: Callable[[], None]) -> Picture:
    """A frame of an object, whatever is odd about it.

    Args:
        dataset: its header.
        index: of the frame.
        frame: decodes it.
        pause: called before.

    Raises:
        ArchiveBusy, BlobMissing, OSError: it may go better another time.
    """
    pause()
    seen = evidence(dataset)
    try:
        pixels = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
        if pixels > MOST_PIXELS:
            raise LimitExceeded(f"a frame of {pixels} pixels is larger than what is read")  # before it is decoded
        return Picture(view(dataset, frame(), index), seen)
    except (ArchiveBusy, BlobMissing, OSError):
        raise
    except MedarchiveError as error:
        return Picture(None, seen, str(error))
    except Exception as error:  # noqa: BLE001  # whatever a strange object does to a decoder, it costs this frame
        return Picture(None, seen, f"the frame cannot be decoded: {type(error).__name__}: {error}")


def header_of(file: BinaryIO, keywords: Sequence[str] | None = None) -> Dataset:
    """The data set of a Part 10 file without its pixel data; of ``keywords`` those attributes alone.

    Raises:
        DicomError: it cannot be read.
    """
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are not our business
            return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_tags(keywords))
    except OSError:
        raise
    except Exception as error:  # what pydicom raises on broken objects has no common root
        raise DicomError(f"the data set cannot be read: {type(error).__name__}: {error}") from error


def _tags(keywords: Sequence[str] | None) -> list[str] | None:
    return None if keywords is None else list(keywords)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the catalogue has of an instance's header."""

    number: int
    frames: int
    pixels: int


def _said(catalog: Catalog, records: Sequence[InstanceRecord]) -> dict[int, _Said]:
    found = {}
    for first in range(0, len(records), 500):
        some = [record.id for record in records[first : first + 500]]
        sql = f"SELECT id, InstanceNumber, NumberOfFrames, Rows, Columns FROM instance WHERE id IN ({_marks(some)})"
        for row in catalog.read(sql, some):
            frames = min(max(_integer(row["NumberOfFrames"]), 1), MAX_FRAMES)
            pixels = max(_integer(row["Rows"]) * _integer(row["Columns"]), 1)
            found[row["id"]] = _Said(_integer(row["InstanceNumber"]), frames, pixels)
    return {record.id: found.get(record.id, _Said(0, 1, 1)) for record in records}


def _place(blobs: BlobStore, record: InstanceRecord, said: _Said) -> Place:
    """Where it lies, from the start of what is kept; by Instance Number alone where that does not say."""
    if said.frames > 1:
        return (), 0.0, said.number
    try:
        if record.form == "raw":
            return place(blobs.read(record.blob, 0, _START))
        with blobs.open(record.blob) as stream:
            if record.form == "zstd":
                return place(zstandard.ZstdDecompressor().stream_reader(stream).read(_START))
            return place(head_of(stream.read())[1])
    except (ArchiveBusy, OSError):
        raise
    except (MedarchiveError, zstandard.ZstdError):
        return (), 0.0, said.number


def _integer(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
