"""Reference counts: which blobs the catalogue still needs. Every change of a count goes through these functions."""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from medarchive.archive.blobs import BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.errors import BlobMissing

__all__ = ["REFERENCED", "hold", "put_then", "release"]

T = TypeVar("T")
_TRIES = 4

REFERENCED = (
    "(SELECT count(*) FROM instance WHERE instance.blob = b.id) + "
    "(SELECT count(*) FROM instance WHERE instance.container = b.id) + "
    "(SELECT count(*) FROM former WHERE former.blob = b.id) + "
    "(SELECT count(*) FROM former WHERE former.container = b.id)"
)
"""SQL: how many references the blob of a row ``b`` really has, counted in the instances and their former places."""


def put_then(catalog: Catalog, put: Callable[[], list[BlobId]], change: Callable[[Transaction, list[BlobId]], T]) -> T:
    """Put blobs, then run the change that references them in one transaction.

    The collector of another process may unlink a blob between the two, since nothing references it yet; ``hold`` sees
    that. Then both are done again, the last time with the write lock held, where no collector can come between.

    Args:
        catalog: where the change is made.
        put: puts the blobs, proves of them what must be proven, and returns their names. May be called several times.
        change: given the transaction and the blobs' names; calls ``hold`` for each that it references.

    Raises:
        ArchiveBusy: see BlobStore.put and Catalog.write; and whatever ``put`` and ``change`` raise.
    """
    for _ in range(_TRIES):
        try:
            return catalog.write(partial(_called, change, put()))
        except BlobMissing:
            continue
    return catalog.write(lambda transaction: change(transaction, put()))


def _called(change: Callable[[Transaction, list[BlobId]], T], names: list[BlobId], transaction: Transaction) -> T:
    return change(transaction, names)


def hold(transaction: Transaction, blobs: BlobStore, blob: BlobId) -> None:
    """Count one more reference to a blob that was put a moment ago.

    Looks at the store under the catalogue's write lock, the one that the collector unlinks under.

    Raises:
        BlobMissing: the collector of another process took it between ``put`` and now; put it again.
    """
    size = blobs.size(blob)  # raises BlobMissing
    transaction.execute(
        "INSERT INTO blob (id, size, refs) VALUES (?, ?, 1) "
        "ON CONFLICT (id) DO UPDATE SET refs = refs + 1, unreferenced_at = NULL",
        (blob, size),
    )


def release(transaction: Transaction, blob: BlobId) -> None:
    """Count one reference less; from zero on, the collector may take the blob when its grace has passed."""
    transaction.execute(
        "UPDATE blob SET refs = refs - 1, unreferenced_at = CASE WHEN refs = 1 THEN ? END WHERE id = ?",
        (time.time(), blob),
    )
