"""Batches: instances that a job will code together. A number in their rows, for as long as the job is to be done."""

from collections.abc import Sequence
from itertools import groupby

from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.instances import matching
from medarchive.archive.jobs import Kind, enqueue

__all__ = ["PRIORITY", "ask", "end", "members", "mend"]

PRIORITY = -1
"""What has just arrived is compressed first."""


def ask(transaction: Transaction, kind: Kind, instances: Sequence[int], options: str = "") -> int:
    """Make one batch of those of some instances that are in none yet, and ask for a job; returns how many they are."""
    number = transaction.execute(
        "SELECT 1 + max((SELECT coalesce(max(batch), 0) FROM instance WHERE batch IS NOT NULL), "
        "(SELECT coalesce(max(target), 0) FROM job WHERE kind IN ('pack', 'regroup'))) AS n"
    )[0]["n"]
    taken = sum(
        len(
            transaction.execute(
                "UPDATE instance SET batch = ? WHERE id = ? AND batch IS NULL RETURNING id", (number, i)
            )
        )
        for i in instances
    )
    if taken:
        enqueue(transaction, kind, number, PRIORITY, options=options)
    return taken


def members(catalog: Catalog, number: int, *, hidden: bool) -> list[InstanceRecord]:
    """The instances of a batch, with those that were deleted meanwhile or without."""
    return matching(catalog, "instance.batch = ?" + ("" if hidden else " AND hidden_at IS NULL"), number)


def end(transaction: Transaction, number: int) -> None:
    """The batch is done with, or given up."""
    rows = transaction.execute("UPDATE instance SET batch = NULL WHERE batch = ? RETURNING container", (number,))
    for container in {row["container"] for row in rows}:
        mend(transaction, container)


def mend(transaction: Transaction, container: str) -> None:
    """Ask for a closed group to be written again where it holds frames that are nobody's any more.

    Where all that is left of it is deleted, too, it waits for their purge or return.
    """
    rows = transaction.execute(
        "SELECT id, series, first_frame, entry_frames, hidden_at IS NULL AS visible, batch IS NOT NULL OR EXISTS "
        "(SELECT 1 FROM job WHERE job.kind = 'compress' AND job.target = instance.id) AS taken FROM instance "
        "WHERE container = ? AND frames < entry_frames ORDER BY series, id",
        (container,),
    )
    used = {row["first_frame"] for row in rows}
    if any(row["taken"] for row in rows) or not any(row["visible"] for row in rows):
        return  # whoever has them looks again when it is done
    if len(used) < rows[0]["entry_frames"]:
        for _, each in groupby(rows, key=lambda row: row["series"]):
            ask(transaction, "regroup", [row["id"] for row in each])
