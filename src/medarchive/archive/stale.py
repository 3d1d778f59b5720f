"""Stale: series that the reader of today has not read, and their queueing."""

import time
from dataclasses import dataclass

from medarchive.archive import jobs
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.dicom.images import is_image

__all__ = ["Stale", "queue_reads", "stale"]

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Stale:
    """A series that is to be read again, or for the first time.

    Attributes:
        series: row number.
        series_uid: Series Instance UID.
        modality: of it.
        instances: visible ones.
        version: of the reader that read it last; "" where none did.
    """

    series: int
    series_uid: str
    modality: str
    instances: int
    version: str


def stale(catalog: Catalog, version: str) -> list[Stale]:
    """The series of images of which there is no reading of a version, in the order of their arrival.

    What was made here is left out: reports, heat maps, versions with loss.
    """
    found, last = [], 0
    while rows := catalog.read(_STALE, (last, version, _PAGE)):
        last = rows[-1]["series"]
        for row in rows:
            classes = catalog.read(_CLASSES, (row["series"],))
            if any(is_image(each["sop_class"]) for each in classes):
                found.append(Stale(**{name: row[name] for name in Stale.__slots__}))
    return found


def queue_reads(transaction: Transaction, series: list[int]) -> int:
    """Ask for some series to be read now; returns how many were not asked for already."""
    before = transaction.execute("SELECT count(*) AS n FROM job WHERE kind = 'read'")[0]["n"]
    for number in series:
        jobs.enqueue(transaction, "read", number, jobs.READ_PRIORITY, time.time())
    return int(transaction.execute("SELECT count(*) AS n FROM job WHERE kind = 'read'")[0]["n"]) - int(before)


_STALE = (
    "SELECT series.id AS series, SeriesInstanceUID AS series_uid, Modality AS modality, instances, coalesce("
    "(SELECT version FROM reading WHERE reading.series = series.id AND instance IS NULL AND superseded_at IS NULL), "
    "'') AS version FROM series WHERE series.id > ? AND instances > 0 AND NOT EXISTS (SELECT 1 FROM reading "
    "WHERE reading.series = series.id AND instance IS NULL AND superseded_at IS NULL AND version = ?) "
    "ORDER BY series.id LIMIT ?"
)
_CLASSES = (
    "SELECT DISTINCT SOPClassUID AS sop_class FROM instance WHERE series = ? AND hidden_at IS NULL AND made IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM derivation WHERE derivation.derived = instance.id)"
)
