"""Instances in the catalogue: looking them up, and counting them."""

from collections.abc import Iterator, Sequence

from medarchive.archive.catalog import Catalog, InstanceRecord, Row, Transaction
from medarchive.dicom.query import Level
from medarchive.errors import NotFound

__all__ = [
    "by_id",
    "by_uid",
    "count",
    "everything",
    "matching",
    "record",
    "under",
]

_PAGE = 500

_SELECT = """
SELECT instance.id, instance.series, SOPInstanceUID AS uid, SOPClassUID AS sop_class, StudyInstanceUID AS study_uid,
    SeriesInstanceUID AS series_uid, Modality AS modality, transfer_syntax, size, sha256, dataset_offset,
    dataset_sha256, source, received_at, state, form, codec, reason, stored_bytes, blob, container, entry,
    first_frame, frames, entry_frames, tried, max_error
FROM instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study
JOIN patient ON patient.id = study.patient
"""

_UNDER = {
    Level.PATIENT: "patient.PatientID",
    Level.STUDY: "study.StudyInstanceUID",
    Level.SERIES: "series.SeriesInstanceUID",
    Level.IMAGE: "instance.SOPInstanceUID",
}


def by_uid(catalog: Catalog, uid: str) -> InstanceRecord:
    """The visible instance of a SOP Instance UID.

    Raises:
        NotFound: there is none.
    """
    for row in catalog.read(f"{_SELECT} WHERE SOPInstanceUID = ? AND hidden_at IS NULL", (uid,)):
        return record(row)
    raise NotFound(f"no instance {uid} in this archive; medarchive find --level instance lists what there is")


def by_id(catalog: Catalog, instance: int) -> InstanceRecord | None:
    """The visible instance of a row number, or None."""
    for row in catalog.read(f"{_SELECT} WHERE instance.id = ? AND hidden_at IS NULL", (instance,)):
        return record(row)
    return None


def under(catalog: Catalog, level: Level, values: Sequence[str]) -> Iterator[InstanceRecord]:
    """The visible instances below any of these Patient IDs or UIDs, in the order of their arrival, page by page."""
    for first in range(0, len(values), _PAGE):
        some = values[first : first + _PAGE]
        where = f"{_UNDER[level]} IN ({', '.join('?' * len(some))}) AND hidden_at IS NULL AND instance.id > ?"
        last = 0
        while rows := catalog.read(f"{_SELECT} WHERE {where} ORDER BY instance.id LIMIT {_PAGE}", (*some, last)):
            yield from map(record, rows)
            last = rows[-1]["id"]


def everything(catalog: Catalog) -> Iterator[InstanceRecord]:
    """Every instance that is kept, the deleted ones that can be brought back too, page by page."""
    last = 0
    while rows := catalog.read(f"{_SELECT} WHERE instance.id > ? ORDER BY instance.id LIMIT {_PAGE}", (last,)):
        yield from map(record, rows)
        last = rows[-1]["id"]


def matching(catalog: Catalog, condition: str, *parameters: object) -> list[InstanceRecord]:
    """The instances of an SQL condition over the catalogue's tables, in the order of their arrival."""
    return [record(row) for row in catalog.read(f"{_SELECT} WHERE {condition} ORDER BY instance.id", parameters)]


def record(row: Row) -> InstanceRecord:
    """An InstanceRecord from a row of the catalogue."""
    return InstanceRecord(**{name: row[name] for name in InstanceRecord.__slots__})


def count(transaction: Transaction, series: int, change: int) -> None:
    """Keep the counts of visible instances, series and studies, where first ones come or last ones go."""
    row = transaction.execute(
        "UPDATE series SET instances = instances + ? WHERE id = ? RETURNING study, instances", (change, series)
    )[0]
    series_change = _edge(row["instances"], change)
    row = transaction.execute(
        "UPDATE study SET instances = instances + ?, series = series + ? WHERE id = ? RETURNING patient, instances",
        (change, series_change, row["study"]),
    )[0]
    transaction.execute(
        "UPDATE patient SET instances = instances + ?, series = series + ?, studies = studies + ? WHERE id = ?",
        (change, series_change, _edge(row["instances"], change), row["patient"]),
    )


def _edge(count: int, change: int) -> int:
    """1 when a count has just left zero, -1 when it has just come down to it, 0 otherwise."""
    return 1 if count == change > 0 else -1 if count == 0 else 0
