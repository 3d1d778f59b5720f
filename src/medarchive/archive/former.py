"""Former places: where instances were before they were compressed again, for as long as that can be undone."""

import time

from medarchive.archive.catalog import InstanceRecord, Row, Transaction
from medarchive.archive.references import release

__all__ = ["PLACE", "drop_former", "forget_former", "remember"]

PLACE = "form, codec, reason, stored_bytes, tried, blob, container, entry, first_frame, frames, entry_frames"
"""The columns that say how an instance is kept."""


def remember(transaction: Transaction, record: InstanceRecord) -> None:
    """Note an instance's place, to which it can be brought back; its references to the place's blobs go there too."""
    transaction.execute(
        f"INSERT INTO former (instance, superseded_at, {PLACE}) SELECT id, ?, {PLACE} FROM instance WHERE id = ?",
        (time.time(), record.id),
    )


def drop_former(transaction: Transaction, condition: str, parameter: object, most: int = -1) -> list[Row]:
    """Forget former places; returns them."""
    rows = transaction.execute(
        f"DELETE FROM former WHERE id IN (SELECT id FROM former WHERE {condition} LIMIT ?) "
        "RETURNING blob, container, frames, entry_frames",
        (parameter, most),
    )
    for row in rows:
        release(transaction, row["blob"])
        if row["container"]:
            release(transaction, row["container"])
    return list(rows)


def forget_former(transaction: Transaction, before: float, limit: int) -> int:
    """Forget the places that were left before a time; returns how many there were."""
    return len(drop_former(transaction, "superseded_at < ?", before, limit))
