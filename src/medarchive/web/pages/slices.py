"""Slices: the frames of a series in the order in which they lie in the body, with what a viewer needs for each."""

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.recent import Recent
from medarchive.dicom.display import or_else
from medarchive.dicom.groups import has_groups
from medarchive.dicom.place import Place, place_of
from medarchive.dicom.showing import KEYWORDS, showing
from medarchive.errors import ArchiveBusy, MedarchiveError
from medarchive.web import here

__all__ = ["described"]

_KEPT = 32
_MOST_FRAMES = 20_000
_known: Recent[tuple[tuple[str, str], ...], dict[str, Any]] = Recent(_KEPT)


def described(records: Sequence[InstanceRecord]) -> dict[str, Any]:
    """The frames of some instances, in spatial order.

    Returns:
        ``frames``: of each its SOP Instance UID, number in the object from 0, number of its look, Instance Number,
        position along the normal in mm or None, and the first digits of the object's hash. ``looks``: what
        ``dicom.showing`` says, each once, with rows and columns. ``left_out``: objects without pixels, and those whose
        header cannot be read.

    Raises:
        ArchiveBusy: the archive cannot be read now.
    """
    # Not by row: the catalogue may give the number of a purged one again.
    key = tuple((record.uid, record.sha256) for record in records)
    known = _known.get(key)
    if known is not None:
        return known
    headers = _headers(records)
    found = _described(headers, len(records))
    if len(headers) == len(records):  # what could not be read may be mended
        _known.keep(key, found)
    return found


def _headers(records: Sequence[InstanceRecord]) -> list[tuple[InstanceRecord, Dataset]]:
    """The records whose header can be read, with it."""
    found = []
    for record in records:
        try:
            found.append((record, here.archive().header(record.uid, KEYWORDS)))
        except ArchiveBusy:
            raise
        except MedarchiveError:
            continue
    return found


def _described(headers: Sequence[tuple[InstanceRecord, Dataset]], count: int) -> dict[str, Any]:
    """What is said of the objects with these headers, of so many in all."""
    placed: list[tuple[Place, int, InstanceRecord, Dataset]] = []
    for record, header in headers:
        if _size(header, "Rows") and _size(header, "Columns"):
            one = _size(header, "NumberOfFrames") <= 1
            where = place_of(header) if one else ((), 0.0, _size(header, "InstanceNumber"))
            placed.append((where, record.id, record, header))
    placed.sort(key=lambda each: each[:2])
    looks: list[dict[str, Any]] = []
    frames = [frame for where, _, record, header in placed for frame in _frames(where, record, header, looks)]
    return {"frames": frames[:_MOST_FRAMES], "looks": looks, "left_out": count - len(placed)}


def _frames(where: Place, record: InstanceRecord, header: Dataset, looks: list[dict[str, Any]]) -> list[list[Any]]:
    """The frames of one object; looks that are not there yet are added."""
    count = max(_size(header, "NumberOfFrames"), 1)
    along = where[1] if where[0] else None
    found, look = [], -1
    for frame in range(min(count, _MOST_FRAMES)):
        if not frame or has_groups(header):
            look = _look(header, frame, looks)
        found.append([record.uid, frame, look, _size(header, "InstanceNumber"), along, record.sha256[:12]])
    return found


def _look(header: Dataset, frame: int, looks: list[dict[str, Any]]) -> int:
    said = {"rows": _size(header, "Rows"), "columns": _size(header, "Columns"), **showing(header, frame)}
    for number in range(len(looks) - 1, max(len(looks) - 50, -1), -1):
        if looks[number] == said:
            return number
    looks.append(said)
    return len(looks) - 1


def _size(header: Dataset, keyword: str) -> int:
    return max(or_else(0, lambda: int(header.get(keyword) or 0)), 0)
