"""Check: catalogue and store looked at from both sides. Finds; changes nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord, Row
from medarchive.archive.instances import everything
from medarchive.archive.references import REFERENCED
from medarchive.errors import BlobCorrupt, BlobMissing, MedarchiveError

__all__ = ["Fault", "Problem", "check"]

Fault = Literal["missing", "orphan", "dangling", "references", "counts", "corrupt", "mismatch"]
_SETTLE = 2.0
"""Seconds within which a blob that was just put must have been catalogued."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault.

    Attributes:
        kind: ``missing``: a blob that the catalogue knows is not in the store. ``orphan``: a blob in the store that the
            catalogue does not know. ``dangling``: an instance that refers to a blob that the catalogue does not know.
            ``references``: a reference count that is not the number of references. ``counts``: a patient's, study's or
            series' count that is not what is below it. ``corrupt``: a blob whose bytes or size changed. ``mismatch``: a
            sound blob that does not give its instance back: an index or a hash in the catalogue is wrong.
        subject: the blob's name, or the UID.
        detail: what was found.
        remedy: what to do.
    """

    kind: Fault
    subject: str
    detail: str
    remedy: str


def check(
    catalog: Catalog, blobs: BlobStore, restore: Callable[[InstanceRecord], object], *, read_data: bool
) -> Iterator[Problem]:
    """Compare catalogue and store, each thing once; a fault is reported where it lies, not where it shows as well.

    Args:
        catalog: one side.
        blobs: the other.
        restore: gives an instance's file back, or raises.
        read_data: whether to hash every blob and to decode every instance.
    """
    bad: set[str] = set()
    with catalog.snapshot() as query:
        for row in query(_DANGLING, ()):
            bad.add(row["missing"])
            detail = f"refers to blob {row['missing']}, which the catalogue does not know"
            yield Problem("dangling", row["uid"], detail, "restore the catalogue from a backup")
    for problem in _stored(catalog, blobs, read_data=read_data):
        bad.add(problem.subject)
        yield problem
    yield from _orphans(catalog, blobs, but=bad)
    with catalog.snapshot() as query:
        for row in () if bad else query(_DRIFTED, ()):  # beside another fault, a count is but its shadow
            detail = f"counted {row['refs']} references, there are {row['found']}"
            yield Problem("references", row["id"], detail, "harmless: the collector counts again before it unlinks")
        yield from _counts(query)
    if read_data:
        for record in everything(catalog):
            if not {record.blob, record.container} & bad:
                yield from _restored(restore, record)


_DANGLING = """
SELECT SOPInstanceUID AS uid, blob AS missing FROM instance
WHERE NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.id = instance.blob)
UNION ALL SELECT SOPInstanceUID, container FROM instance
WHERE container IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.id = instance.container)
UNION ALL SELECT SOPInstanceUID, b.missing FROM instance JOIN
    (SELECT instance, blob AS missing FROM former UNION ALL SELECT instance, container FROM former) AS b
    ON b.instance = instance.id
WHERE b.missing IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.id = b.missing)
"""
_DRIFTED = f"SELECT id, refs, found FROM (SELECT id, refs, {REFERENCED} AS found FROM blob AS b) WHERE refs <> found"


def _stored(catalog: Catalog, blobs: BlobStore, *, read_data: bool) -> Iterator[Problem]:
    """Every blob that the catalogue knows: there, of its size and, on request, of its hash."""
    last = ""
    while rows := catalog.read("SELECT id, size FROM blob WHERE id > ? ORDER BY id LIMIT 500", (last,)):
        last = rows[-1]["id"]
        for row in rows:
            problem = _blob(blobs, BlobId(row["id"]), row["size"], read_data=read_data)
            if problem and _still_needed(catalog, row["id"], problem):
                yield problem


def _still_needed(catalog: Catalog, blob: str, problem: Problem) -> bool:
    """Whether a fault is one: what a collector took meanwhile, or was about to note when the power went, is none."""
    rows = catalog.read(f"SELECT refs + {REFERENCED} AS needed FROM blob AS b WHERE id = ?", (blob,))
    return bool(rows) and (problem.kind != "missing" or rows[0]["needed"] > 0)


def _blob(blobs: BlobStore, blob: BlobId, size: int, *, read_data: bool) -> Problem | None:
    try:
        found = blobs.size(blob)
        if found != size:
            return Problem("corrupt", blob, f"has {found} bytes, had {size}", "restore this blob from a copy")
        if read_data:
            with blobs.open(blob) as stream:
                while stream.read(CHUNK):
                    pass
    except BlobMissing:
        return Problem("missing", blob, "is not in the store", "restore this blob from a copy")
    except (BlobCorrupt, OSError) as error:
        return Problem("corrupt", blob, str(error), "restore this blob from a copy")
    return None


def _orphans(catalog: Catalog, blobs: BlobStore, *, but: set[str]) -> Iterator[Problem]:
    """Blobs that the catalogue does not know, given a moment for those that are being stored now."""

    def unknown(blob: BlobId) -> bool:
        return not catalog.read("SELECT 1 FROM blob WHERE id = ?", (blob,))

    for blob in [blob for blob in blobs if blob not in but and unknown(blob)]:
        try:
            pause = _SETTLE - blobs.age(blob, time.time())
            if 0 < pause <= _SETTLE:
                time.sleep(pause)
            if unknown(blob) and blob in blobs:
                detail = f"{blobs.size(blob)} bytes that nothing refers to"
                yield Problem("orphan", blob, detail, "harmless; medarchive collect removes it")
        except BlobMissing:
            continue


def _counts(query: Callable[[str, Sequence[Any]], Iterator[Row]]) -> Iterator[Problem]:
    """Maintained counts against what they count."""
    for table, key, child, counts in _COUNTED:
        sums = ", ".join(f"coalesce({sql}, 0) AS {name}_found" for name, sql in counts.items())
        names = ", ".join(f"t.{name}" for name in counts)
        differs = " OR ".join(f"{name} <> {name}_found" for name in counts)
        sql = (
            f"SELECT * FROM (SELECT t.{key} AS uid, {names}, {sums} FROM {table} AS t LEFT JOIN {child} "
            f"GROUP BY t.id) WHERE {differs}"
        )
        for row in query(sql, ()):
            detail = ", ".join(f"{name}: {row[name]} counted, {row[f'{name}_found']} found" for name in counts)
            yield Problem("counts", row["uid"], f"{table}: {detail}", "restore the catalogue from a backup")


_COUNTED = (
    (
        "series",
        "SeriesInstanceUID",
        "instance AS c ON c.series = t.id AND c.hidden_at IS NULL",
        {"instances": "count(c.id)"},
    ),
    (
        "study",
        "StudyInstanceUID",
        "series AS c ON c.study = t.id",
        {"instances": "sum(c.instances)", "series": "sum(c.instances > 0)"},
    ),
    (
        "patient",
        "PatientID",
        "study AS c ON c.patient = t.id",
        {"instances": "sum(c.instances)", "series": "sum(c.series)", "studies": "sum(c.instances > 0)"},
    ),
)


def _restored(restore: Callable[[InstanceRecord], object], record: InstanceRecord) -> Iterator[Problem]:
    """Give an instance back and see whether it is what was received."""
    try:
        restore(record)
    except MedarchiveError as error:
        remedy = "the blobs are sound but do not fit the catalogue: restore the catalogue from a backup"
        yield Problem("mismatch", record.uid, str(error), remedy)
