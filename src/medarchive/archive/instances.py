"""Instances in the catalogue: admitting and looking up."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medarchive.archive.blobs import BlobId, BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord, Row, Transaction
from medarchive.archive.jobs import enqueue
from medarchive.archive.references import hold
from medarchive.dicom.attributes import LEVELS, Indexed
from medarchive.dicom.query import Level, normalise
from medarchive.errors import Conflict, NotFound

__all__ = [
    "Arrival",
    "admit",
    "by_id",
    "by_uid",
    "count",
    "everything",
    "known",
    "matching",
    "record",
    "stored_twin",
    "under",
]

_PAGE = 500

_SELECT = """
SELECT instance.id, instance.series, SOPInstanceUID AS uid, SOPClassUID AS sop_class, StudyInstanceUID AS study_uid,
    SeriesInstanceUID AS series_uid, Modality AS modality, transfer_syntax, size, sha256, dataset_offset,
    dataset_sha256, source, received_at, state, form, codec, reason, stored_bytes, blob, container, entry,
    first_frame, frames, entry_frames, tried
FROM instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study
JOIN patient ON patient.id = study.patient
"""

_UNDER = {
    Level.PATIENT: "patient.PatientID",
    Level.STUDY: "study.StudyInstanceUID",
    Level.SERIES: "series.SeriesInstanceUID",
    Level.IMAGE: "instance.SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of an object when it has just become durable."""

    indexed: Indexed
    transfer_syntax: str
    size: int
    sha256: str
    dataset_offset: int
    dataset_sha256: str
    source: str
    blob: BlobId


def admit(transaction: Transaction, blobs: BlobStore, arrival: Arrival) -> bool:
    """Catalogue an object and ask for its compression. False: the same data set is here already.

    Raises:
        Conflict: its SOP Instance UID is taken by an object with another data set.
        BlobMissing: see ``hold``.
    """
    uid = arrival.indexed.image["SOPInstanceUID"]
    if known(transaction.execute(_KNOWN, (uid,)), uid, arrival.sha256, arrival.dataset_sha256):
        return False
    hold(transaction, blobs, arrival.blob)
    now = time.time()
    series = _series(transaction, arrival.indexed, now)
    values: dict[str, object] = {"series": series, **_columns(Level.IMAGE, arrival.indexed.image)}
    values |= {"transfer_syntax": arrival.transfer_syntax, "size": arrival.size, "sha256": arrival.sha256}
    values |= {"dataset_offset": arrival.dataset_offset, "dataset_sha256": arrival.dataset_sha256}
    values |= {"source": arrival.source, "received_at": now, "state": "received", "form": "raw", "codec": ""}
    values |= {"reason": "", "stored_bytes": arrival.size, "blob": arrival.blob, "entry": 0}
    instance = _insert(transaction, "instance", values)
    count(transaction, series, 1)
    enqueue(transaction, "compress", instance)
    return True


_KNOWN = "SELECT sha256, dataset_sha256 FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL"


def known(rows: Sequence[Row], uid: str, sha256: str, dataset_sha256: str) -> bool:
    """Whether an object of this UID is here with the same data set; File Meta alone makes no other object.

    Raises:
        Conflict: it is here with another data set.
    """
    for row in rows:
        if sha256 != row["sha256"] and dataset_sha256 != row["dataset_sha256"]:
            raise Conflict(
                f"{uid} is stored with other bytes (data set {row['dataset_sha256'][:12]}…, this one "
                f"{dataset_sha256[:12]}…); the first stays. Delete it, or give this one a UID of its own"
            )
        return True
    return False


def stored_twin(catalog: Catalog, uid: str) -> Sequence[Row]:
    """The hashes of the visible instance of this UID, in the form that ``known`` takes; none where there is none."""
    return catalog.read(_KNOWN, (uid,))


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


def _series(transaction: Transaction, indexed: Indexed, now: float) -> int:
    """The row of the object's series, made with study and patient where they are new; the first to come names them."""
    patient_id, issuer = indexed.patient["PatientID"], indexed.patient["IssuerOfPatientID"]
    study_uid, series_uid = indexed.study["StudyInstanceUID"], indexed.series["SeriesInstanceUID"]
    # Without a Patient ID nothing says that two studies are one person's; without a UID, that two objects are one
    # study's.
    patient_key = f"{patient_id}\\{issuer}" if patient_id else f"\\{study_uid or indexed.image['SOPInstanceUID']}"
    study_key = study_uid or f"\\{patient_key}"
    series_key = f"{study_key}\\{series_uid}"
    rows = transaction.execute("SELECT id FROM series WHERE key = ?", (series_key,))
    if rows:
        transaction.execute("UPDATE series SET last_arrival = ? WHERE id = ?", (now, rows[0]["id"]))
        return int(rows[0]["id"])
    study = transaction.execute("SELECT id FROM study WHERE key = ?", (study_key,))
    if study:
        study_id = int(study[0]["id"])
    else:
        patient = transaction.execute("SELECT id FROM patient WHERE key = ?", (patient_key,))
        if patient:
            patient_row = int(patient[0]["id"])
        else:
            values = _columns(Level.PATIENT, indexed.patient)
            patient_row = _insert(
                transaction, "patient", {"key": patient_key, **values, "studies": 0, "series": 0, "instances": 0}
            )
        values = _columns(Level.STUDY, indexed.study)
        study_id = _insert(
            transaction, "study", {"patient": patient_row, "key": study_key, **values, "series": 0, "instances": 0}
        )
    values = _columns(Level.SERIES, indexed.series)
    return _insert(
        transaction,
        "series",
        {"study": study_id, "key": series_key, **values, "instances": 0, "last_arrival": now},
    )


def _columns(level: Level, values: Mapping[str, str]) -> dict[str, object]:
    columns: dict[str, object] = {}
    for attribute in LEVELS[level]:
        value = values.get(attribute.keyword, "")
        columns[attribute.keyword] = value
        if attribute.vr in ("PN", "DA", "TM"):
            columns[f"{attribute.keyword}Search"] = normalise(attribute.vr, value)
    return columns


def _insert(transaction: Transaction, table: str, values: Mapping[str, object]) -> int:
    names = ", ".join(values)
    sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))}) RETURNING id"
    return int(transaction.execute(sql, list(values.values()))[0]["id"])


def count(transaction: Transaction, series: int, change: int) -> None:
    """Keep the counts of visible instances, series and studies, where a first one comes or a last one goes."""
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
    return 1 if count == change == 1 else -1 if count == 0 else 0
