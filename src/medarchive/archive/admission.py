"""Admission: objects that have become durable enter the catalogue, several in one transaction."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from medarchive.archive.blobs import BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Row, Transaction
from medarchive.archive.instances import count
from medarchive.archive.jobs import READ_PRIORITY, enqueue
from medarchive.archive.mentions import mention
from medarchive.archive.recall import recall
from medarchive.archive.references import hold
from medarchive.dicom.attributes import LEVELS, Indexed
from medarchive.dicom.images import is_image
from medarchive.dicom.ours import MANUFACTURER, MODEL_NAME
from medarchive.dicom.query import Level, normalise
from medarchive.errors import Conflict

__all__ = ["Arrival", "admit", "same", "twins"]


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
    mentions: frozenset[str] = frozenset()
    """SOP Instance UIDs that it refers to, where it is there to say something about others."""
    made: bool = False
    """Whether it was made here of a reading."""
    kept: Mapping[str, object] = field(default_factory=dict)
    """Columns of the form in which it is kept already; empty: ``blob`` is its file, and is to be compressed."""


def admit(
    transaction: Transaction, blobs: BlobStore, arrivals: Sequence[Arrival], read_after: float | None = None
) -> list[bool]:
    """Catalogue objects and ask for their compression. False: the same data set is here already.

    Args:
        transaction: where they enter.
        blobs: where they are.
        arrivals: what has become durable.
        read_after: seconds after which the series of images shall be read; None: they shall not.

    Raises:
        Conflict: a SOP Instance UID is taken by an object with another data set.
        BlobMissing: see ``hold``.
    """
    now = time.time()
    series: dict[tuple[str, str, str], int] = {}
    came: Counter[int] = Counter()
    unread: set[int] = set()
    admitted = []
    for arrival in arrivals:
        keys = _keys(arrival.indexed)
        if keys not in series:
            series[keys] = _series(transaction, arrival.indexed, keys, now)
        new = _admitted(transaction, blobs, arrival, series[keys], now)
        came[series[keys]] += new
        if new and read_after is not None and _is_to_be_read(arrival):
            unread.add(series[keys])
        admitted.append(new)
    for row, number in came.items():
        count(transaction, row, number)
    for row in unread:
        enqueue(transaction, "read", row, READ_PRIORITY, now + (read_after or 0))
    return admitted


def _is_to_be_read(arrival: Arrival) -> bool:
    return is_image(arrival.indexed.image["SOPClassUID"]) and not _is_made(arrival)


def _is_made(arrival: Arrival) -> bool:
    """Whether it was made of a reading: now, or before, and has come back."""
    series = arrival.indexed.series
    return arrival.made or (series["Manufacturer"], series["ManufacturerModelName"]) == (MANUFACTURER, MODEL_NAME)


def _admitted(transaction: Transaction, blobs: BlobStore, arrival: Arrival, series: int, now: float) -> bool:
    values: dict[str, object] = {"series": series, **_columns(Level.IMAGE, arrival.indexed.image)}
    values |= {"transfer_syntax": arrival.transfer_syntax, "size": arrival.size, "sha256": arrival.sha256}
    values |= {"dataset_offset": arrival.dataset_offset, "dataset_sha256": arrival.dataset_sha256}
    values |= {"source": arrival.source, "received_at": now, "state": "received", "form": "raw", "codec": ""}
    values |= {"reason": "", "stored_bytes": arrival.size, "blob": arrival.blob, "entry": 0}
    values |= {"made": 1 if _is_made(arrival) else None, **arrival.kept}
    rows = transaction.execute(_insertion("instance", tuple(values)), tuple(values.values()))
    if not rows:  # the UID is taken
        uid = arrival.indexed.image["SOPInstanceUID"]
        same(transaction.execute(_KNOWN, (uid,))[0], uid, arrival.sha256, arrival.dataset_sha256)
        return False
    hold(transaction, blobs, arrival.blob)
    if arrival.kept.get("container"):
        hold(transaction, blobs, BlobId(str(arrival.kept["container"])))
    if not arrival.kept:
        enqueue(transaction, "compress", rows[0]["id"])
    if arrival.mentions:
        mention(transaction, rows[0]["id"], arrival.mentions)
        recall(transaction, arrival.mentions)
    return True


_HASHES = "sha256, dataset_sha256 FROM instance WHERE hidden_at IS NULL"
_KNOWN = f"SELECT {_HASHES} AND SOPInstanceUID = ?"


def same(row: Row, uid: str, sha256: str, dataset_sha256: str) -> None:
    """Make sure that the instance of this UID is this object; another File Meta alone makes no other object.

    Raises:
        Conflict: it has another data set.
    """
    if sha256 != row["sha256"] and dataset_sha256 != row["dataset_sha256"]:
        raise Conflict(
            f"{uid} is stored with other bytes (data set {row['dataset_sha256'][:12]}…, this one "
            f"{dataset_sha256[:12]}…); the first stays. Delete it, or give this one a UID of its own"
        )


def twins(catalog: Catalog, uids: Sequence[str]) -> dict[str, Row]:
    """The visible instances of these UIDs, by UID; ``same`` takes their rows."""
    sql = f"SELECT SOPInstanceUID, {_HASHES} AND SOPInstanceUID IN ({', '.join('?' * len(uids))})"
    return {row["SOPInstanceUID"]: row for row in catalog.read(sql, uids)} if uids else {}


def _keys(indexed: Indexed) -> tuple[str, str, str]:
    """What makes a patient, a study, a series one and the same.

    Without a Patient ID nothing says that two studies are one person's; without a UID, that two objects are one
    study's.
    """
    patient_id, issuer = indexed.patient["PatientID"], indexed.patient["IssuerOfPatientID"]
    study_uid, series_uid = indexed.study["StudyInstanceUID"], indexed.series["SeriesInstanceUID"]
    patient = f"{patient_id}\\{issuer}" if patient_id else f"\\{study_uid or indexed.image['SOPInstanceUID']}"
    study = study_uid or f"\\{patient}"
    return patient, study, f"{study}\\{series_uid}"


def _series(transaction: Transaction, indexed: Indexed, keys: tuple[str, str, str], now: float) -> int:
    """The row of a series, made with study and patient where they are new; the first object to come names them."""
    rows = transaction.execute("UPDATE series SET last_arrival = ? WHERE key = ? RETURNING id", (now, keys[2]))
    if rows:
        return int(rows[0]["id"])
    patient: dict[str, object] = {"key": keys[0], **_columns(Level.PATIENT, indexed.patient)}
    study: dict[str, object] = {"key": keys[1], **_columns(Level.STUDY, indexed.study)}
    series: dict[str, object] = {"key": keys[2], **_columns(Level.SERIES, indexed.series)}
    study["patient"] = _row(transaction, "patient", patient | {"studies": 0, "series": 0, "instances": 0})
    series["study"] = _row(transaction, "study", study | {"series": 0, "instances": 0})
    return _row(transaction, "series", series | {"instances": 0, "last_arrival": now})


def _row(transaction: Transaction, table: str, values: Mapping[str, object]) -> int:
    """The row of a key, made where there is none."""
    rows = transaction.execute(_insertion(table, tuple(values)), tuple(values.values()))
    rows = rows or transaction.execute(f"SELECT id FROM {table} WHERE key = ?", (values["key"],))
    return int(rows[0]["id"])


def _columns(level: Level, values: Mapping[str, str]) -> dict[str, object]:
    columns: dict[str, object] = {}
    for attribute in LEVELS[level]:
        value = values.get(attribute.keyword, "")
        columns[attribute.keyword] = value
        if attribute.vr in ("PN", "DA", "TM"):
            columns[f"{attribute.keyword}Search"] = normalise(attribute.vr, value)
    return columns


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    """SQL that inserts a row and returns its number, or nothing where one of its kind is there already."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING id"
