"""Deletion: an instance goes out of sight, may come back, and is purged at last."""

import time
from collections.abc import Sequence

from medarchive.archive import batches
from medarchive.archive.catalog import Row, Transaction
from medarchive.archive.derivations import forget_links
from medarchive.archive.findings import forget_findings
from medarchive.archive.former import drop_former
from medarchive.archive.instances import count
from medarchive.archive.jobs import enqueue
from medarchive.archive.mentions import forget_mentions
from medarchive.archive.references import release
from medarchive.errors import Conflict, NotFound

__all__ = ["forget", "hide", "hide_all", "unhide", "unhide_all"]


def hide(transaction: Transaction, uid: str) -> None:
    """Take an instance out of sight; it can be brought back until it is purged.

    Raises:
        NotFound: there is no visible instance of this UID.
    """
    rows = transaction.execute(
        "UPDATE instance SET hidden_at = ? WHERE SOPInstanceUID = ? AND hidden_at IS NULL RETURNING id, series, "
        "container",
        (time.time(), uid),
    )
    if not rows:
        raise NotFound(f"no instance {uid} in this archive")
    count(transaction, rows[0]["series"], -1)
    transaction.execute("DELETE FROM job WHERE target = ? AND kind IN ('compress', 'derive')", (rows[0]["id"],))
    if rows[0]["container"]:
        batches.mend(transaction, rows[0]["container"])


def hide_all(transaction: Transaction, uids: Sequence[str]) -> None:
    """Take several instances out of sight; see ``hide``."""
    for uid in uids:
        hide(transaction, uid)


def unhide_all(transaction: Transaction, uids: Sequence[str]) -> None:
    """Bring several instances back; see ``unhide``."""
    for uid in uids:
        unhide(transaction, uid)


def unhide(transaction: Transaction, uid: str) -> None:
    """Bring the instance of this UID back that was hidden last.

    Raises:
        NotFound: none is hidden, or it was purged.
        Conflict: another one of the same UID has been stored since.
    """
    rows = transaction.execute(
        "SELECT id, series, state, container FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NOT NULL "
        "ORDER BY hidden_at DESC LIMIT 1",
        (uid,),
    )
    if not rows:
        raise NotFound(f"no deleted instance {uid} to bring back")
    row = rows[0]
    if transaction.execute("SELECT 1 FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL", (uid,)):
        raise Conflict(f"{uid} has been stored again since it was deleted; delete that one first")
    transaction.execute("UPDATE instance SET hidden_at = NULL WHERE id = ?", (row["id"],))
    count(transaction, row["series"], 1)
    if row["state"] == "received":
        enqueue(transaction, "compress", row["id"])
    elif row["state"] == "alone":
        enqueue(transaction, "group", row["series"], batches.PRIORITY)
    if row["container"]:
        batches.mend(transaction, row["container"])


def forget(transaction: Transaction, before: float, limit: int) -> int:
    """Purge instances that were hidden before a time; their blobs lose a reference. Returns how many.

    What shared a closed group with them will be written again without them, and cannot be brought back to a former
    place in one.
    """
    gone = transaction.execute(
        "SELECT id, series, blob, container, frames, entry_frames FROM instance WHERE hidden_at < ? LIMIT ?",
        (before, limit),
    )
    places: list[Row] = list(gone)
    for row in gone:
        places += drop_former(transaction, "instance = ?", row["id"])
        forget_mentions(transaction, row["id"])
        forget_links(transaction, row["id"])
        forget_findings(transaction, row["id"], row["series"])
        transaction.execute("DELETE FROM instance WHERE id = ?", (row["id"],))
        release(transaction, row["blob"])
        if row["container"]:
            release(transaction, row["container"])
    for container in {row["container"] for row in places if row["frames"] < row["entry_frames"]}:
        drop_former(transaction, "container = ?", container)
        batches.mend(transaction, container)
    return len(gone)
