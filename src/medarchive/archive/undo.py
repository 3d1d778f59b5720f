"""Undo: the instances of a series go back to where they were before they were compressed again."""

from collections.abc import Callable
from dataclasses import replace

from medarchive.archive import batches
from medarchive.archive.catalog import Catalog, InstanceRecord, Row, Transaction
from medarchive.archive.former import PLACE
from medarchive.archive.instances import matching
from medarchive.archive.jobs import enqueue
from medarchive.archive.references import release
from medarchive.errors import NotFound

__all__ = ["undo"]

_NEWEST = (
    f"SELECT id, instance, {PLACE} FROM former WHERE id IN "
    "(SELECT max(former.id) FROM former JOIN instance ON instance.id = former.instance "
    "JOIN series ON series.id = instance.series WHERE SeriesInstanceUID = ? GROUP BY former.instance)"
)
_OF_SERIES = "(SELECT instance.id FROM instance JOIN series ON series.id = series WHERE SeriesInstanceUID = ?)"


def undo(catalog: Catalog, restore: Callable[[InstanceRecord], object], series_uid: str) -> int:
    """Bring a series' instances back to their former places, the deleted ones too; returns how many they are.

    Each is given back from its former place before it goes there. What is still queued for the series is forgotten.

    Args:
        catalog: where the places are.
        restore: gives an instance's file back and compares it, or raises.
        series_uid: Series Instance UID.

    Raises:
        NotFound: no instance of such a series has a former place.
        BlobMissing, BlobCorrupt: a former place does not give its instance back; nothing was changed.
    """
    places = catalog.read(_NEWEST, (series_uid,))
    catalog.write(lambda transaction: _forget_jobs(transaction, series_uid))
    if not places:
        raise NotFound(
            f"nothing to undo for series {series_uid}: it was not compressed again, or longer ago than the setting undo"
        )
    records = {record.id: record for record in matching(catalog, f"instance.id IN {_OF_SERIES}", series_uid)}
    moves = [(records[row["instance"]], row) for row in places if row["instance"] in records]
    for record, row in moves:
        restore(replace(record, **{name: row[name] for name in PLACE.split(", ")}))

    def change(transaction: Transaction) -> int:
        moved = [record for record, row in moves if _move(transaction, record, row)]
        for container in {record.container for record in moved if record.container}:
            batches.mend(transaction, container)
        return len(moved)

    return catalog.write(change)


def _move(transaction: Transaction, record: InstanceRecord, place: Row) -> bool:
    """Move an instance back, if it and its former place are where they were; the place's references go with it."""
    there = "SELECT 1 FROM instance WHERE id = ? AND blob = ? AND container IS ? AND first_frame = ?"
    if not transaction.execute(there, (record.id, record.blob, record.container, record.first_frame)):
        return False
    if not transaction.execute("DELETE FROM former WHERE id = ? RETURNING id", (place["id"],)):
        return False
    columns = PLACE.split(", ")
    marks = ", ".join(f"{name} = ?" for name in columns)
    transaction.execute(
        f"UPDATE instance SET {marks}, state = 'kept', batch = NULL WHERE id = ?",
        (*(place[name] for name in columns), record.id),
    )
    release(transaction, record.blob)
    if record.container:
        release(transaction, record.container)
    return True


def _forget_jobs(transaction: Transaction, series_uid: str) -> None:
    """Take back what was asked for; slices that still wait for their series are asked for without options again."""
    asked = "options <> '' AND state <> 'leased'"
    for row in transaction.execute(
        f"DELETE FROM job WHERE kind = 'compress' AND {asked} AND target IN {_OF_SERIES} RETURNING target",
        (series_uid,),
    ):
        for instance in transaction.execute("SELECT container FROM instance WHERE id = ?", (row["target"],)):
            batches.mend(transaction, instance["container"])
    for row in transaction.execute(
        f"DELETE FROM job WHERE kind = 'pack' AND {asked} AND target IN "
        f"(SELECT batch FROM instance WHERE id IN {_OF_SERIES}) RETURNING target",
        (series_uid,),
    ):
        batches.end(transaction, row["target"])
    for row in transaction.execute(
        f"SELECT DISTINCT series FROM instance WHERE id IN {_OF_SERIES} AND state = 'alone' AND batch IS NULL",
        (series_uid,),
    ):
        enqueue(transaction, "group", row["series"], batches.PRIORITY)
