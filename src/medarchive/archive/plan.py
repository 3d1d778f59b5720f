"""Plan: the slices of a series that has gone quiet are cut into groups, each of which becomes a job."""

from medarchive.archive import batches, jobs
from medarchive.archive.blobs import BlobStore
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.how import How
from medarchive.archive.instances import matching
from medarchive.archive.slices import cut, slices
from medarchive.errors import BlobMissing

__all__ = ["plan_series"]

_AGAIN = 1.0
"""Seconds until a series is looked at again of which some instances are not compressed yet."""


def plan_series(catalog: Catalog, blobs: BlobStore, job: jobs.Job, how: How, quiet: float) -> Compressed:
    """Do a ``group`` job: batches of those slices of a series that wait for it.

    Slices that come later make groups of their own. Reads header blobs, no pixels.

    Raises:
        BlobMissing, BlobCorrupt: a header blob cannot be read.
    """
    if catalog.read(_COMING, (job.target,)):
        catalog.write(lambda transaction: jobs.postpone(transaction, job, _AGAIN))
        return Compressed("group", job.target)
    waiting = matching(catalog, _WAITING, job.target)
    try:
        groups = cut(slices(blobs, waiting), how.group_slices) if how.together else []
    except BlobMissing:
        if matching(catalog, _WAITING, job.target) == waiting:
            raise
        catalog.write(lambda transaction: jobs.postpone(transaction, job, 0))  # one was purged meanwhile
        return Compressed("group", job.target)

    def change(transaction: Transaction) -> None:
        for group in groups:
            batches.ask(transaction, "pack", [each.record.id for each in group])
        if not groups:
            transaction.execute(
                "UPDATE instance SET state = 'kept', tried = ? WHERE series = ? AND state = 'alone' AND batch IS NULL",
                (how.name, job.target),
            )
        if transaction.execute(_LEFT, (job.target,)):
            jobs.postpone(transaction, job, quiet)
        else:
            jobs.finish(transaction, job)

    catalog.write(change)
    return Compressed("group", job.target)


_COMING = (
    "SELECT 1 FROM instance JOIN job ON job.kind = 'compress' AND job.target = instance.id AND job.state <> 'failed' "
    "WHERE instance.series = ? AND instance.state = 'received' AND hidden_at IS NULL LIMIT 1"
)
_WAITING = "instance.series = ? AND state = 'alone' AND batch IS NULL AND hidden_at IS NULL"
_LEFT = f"SELECT 1 FROM instance WHERE {_WAITING} LIMIT 1"
