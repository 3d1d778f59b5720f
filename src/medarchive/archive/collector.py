"""The collector: the only one who unlinks. Purges what was deleted long enough ago, then takes what nobody needs."""

import time
from dataclasses import dataclass
from functools import partial

from medarchive.archive.blobs import BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.archive.deletion import forget
from medarchive.archive.former import forget_former
from medarchive.archive.references import REFERENCED

__all__ = ["Collected", "collect"]

_STEP = 64
"""Blobs or instances a transaction: the write lock is held for this many unlinks at most."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the collector removed.

    Attributes:
        purged: deleted instances that can no longer be brought back.
        blobs: blobs that the catalogue had stopped to need.
        orphans: blobs that the catalogue never knew, left by a crash between blob and catalogue.
        bytes: the space that came free.
    """

    purged: int
    blobs: int
    orphans: int
    bytes: int


def collect(
    catalog: Catalog, blobs: BlobStore, *, grace: float, undelete: float, undo: float, orphans: bool = True
) -> Collected:
    """Purge, then unlink. Safe beside any number of processes that store, swap and delete at the same time.

    Args:
        catalog: the reference counts.
        blobs: where to unlink.
        grace: seconds for which an unreferenced blob stays.
        undelete: seconds for which a deleted instance stays.
        undo: seconds for which an instance's former place stays.
        orphans: whether to walk through the whole store for blobs that the catalogue does not know.
    """
    purged = 0
    before = time.time() - undelete
    while step := catalog.write(lambda transaction: forget(transaction, before, _STEP)):
        purged += step
    left = time.time() - undo
    while catalog.write(lambda transaction: forget_former(transaction, left, _STEP)):
        pass
    taken = freed = 0
    while True:
        names, size = catalog.write(lambda transaction: _take(transaction, blobs, time.time() - grace))
        if not names:
            break
        taken, freed = taken + names, freed + size
    strays = 0
    if orphans:
        for blob in blobs:
            if not catalog.read("SELECT 1 FROM blob WHERE id = ?", (blob,)):
                size = catalog.write(partial(_take_orphan, blobs, blob, grace))
                strays, freed = strays + (size >= 0), freed + max(size, 0)
    return Collected(purged, taken, strays, freed)


def _take(transaction: Transaction, blobs: BlobStore, before: float) -> tuple[int, int]:
    """Unlink some blobs under the write lock, after counting their references again in the instances themselves."""
    rows = transaction.execute(
        f"SELECT id, size, {REFERENCED} AS needed FROM blob AS b WHERE refs = 0 AND unreferenced_at <= ? LIMIT ?",
        (before, _STEP),
    )
    size = 0
    for row in rows:
        if row["needed"]:  # a count that drifted must never cost data: mend it
            transaction.execute(
                "UPDATE blob SET refs = ?, unreferenced_at = NULL WHERE id = ?", (row["needed"], row["id"])
            )
            continue
        blobs.delete(BlobId(row["id"]))
        transaction.execute("DELETE FROM blob WHERE id = ?", (row["id"],))
        size += row["size"]
    return len(rows), size


def _take_orphan(blobs: BlobStore, blob: BlobId, grace: float, transaction: Transaction) -> int:
    """Unlink a blob that the catalogue does not know, under the write lock; its size, or -1 where it may stay."""
    if transaction.execute("SELECT 1 FROM blob WHERE id = ?", (blob,)):
        return -1
    if blob not in blobs or blobs.age(blob, time.time()) < grace:
        return -1
    size = blobs.size(blob)
    blobs.delete(blob)
    return size
