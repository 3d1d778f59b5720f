"""Commit: the archive answers for an instance after it has given it back, and never before (PS3.4 J.3.2)."""

import logging
import time
from collections.abc import Callable
from functools import partial

from medarchive.archive import jobs
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.commitments import Failure, Item, decide, undecided
from medarchive.archive.compress import Compressed
from medarchive.archive.eligible import commit
from medarchive.archive.retrieve import current
from medarchive.errors import BlobCorrupt, BlobMissing, MedarchiveError, NotFound

__all__ = ["Committer"]

LOGGER = logging.getLogger(__name__)
_STEP, _SECONDS = 256, 1.0
"""Instances that are proven before what came of them is noted, and seconds after which it is noted for fewer."""
_TURN = 20.0
"""Seconds after which a long request lets others have their turn; it goes on where it stopped."""

_Outcome = tuple[Item, InstanceRecord | None, int]
"""An item, the instance that was proven, and the failure."""


class Committer:
    """Does ``commit`` jobs."""

    def __init__(self, catalog: Catalog, restore: Callable[[InstanceRecord], object]) -> None:
        """Put the parts together.

        Args:
            catalog: where instances and requests are.
            restore: gives an instance's file back from the store and compares it, or raises.
        """
        self._catalog = catalog
        self._restore = restore

    def commit(self, job: jobs.Job, *, last: bool) -> Compressed:
        """Do a job: look at every instance of a request, note for each what came of it, have it reported at the end.

        Args:
            job: its target is the commitment.
            last: it will not be tried again: what cannot be proven now fails.

        Raises:
            MedarchiveError, OSError: something got in the way that may pass.
        """
        begun, done = time.monotonic(), 0
        while items := undecided(self._catalog, job.target, _STEP):
            outcomes = self._outcomes(items, last=last)
            rest = time.monotonic() - begun > _TURN
            self._catalog.write(partial(self._note, job, outcomes, rest=rest))
            done += len(outcomes)
            if rest:
                return Compressed("commit", job.target, items[0].uid, instances=done)
        self._catalog.write(partial(self._end, job))
        return Compressed("commit", job.target, instances=done)

    def all(self, uids: list[str]) -> list[str]:
        """Answer for some instances without a request; those for which the archive does not, as they are not sound."""
        refused = []
        for number, uid in enumerate(uids):
            _, record, _ = self._outcome(Item(number, "", uid, None), last=True)
            if record is None or not self._catalog.write(partial(commit, record=record)):
                refused.append(uid)
        return refused

    def _outcomes(self, items: list[Item], *, last: bool) -> list[_Outcome]:
        """Prove instances for a while, at least one."""
        outcomes: list[_Outcome] = []
        until = time.monotonic() + _SECONDS
        for item in items:
            outcomes.append(self._outcome(item, last=last))
            if time.monotonic() > until:
                break
        return outcomes

    def _outcome(self, item: Item, *, last: bool) -> _Outcome:
        """Prove one instance."""
        try:
            record = current(self._catalog, item.uid, partial(self._proven, item))
        except NotFound:
            return item, None, Failure.NO_SUCH_INSTANCE
        except (MedarchiveError, OSError, MemoryError, ArithmeticError, LookupError, ValueError) as error:
            if not last and not isinstance(error, BlobCorrupt | BlobMissing):
                raise
            LOGGER.error("the archive does not answer for instance %s: %s", item.uid, error)  # noqa: TRY400
            return item, None, Failure.PROCESSING_FAILURE
        return (item, record, 0) if record else (item, None, Failure.CLASS_CONFLICT)

    def _proven(self, item: Item, record: InstanceRecord) -> InstanceRecord | None:
        """The instance, after it was given back; None where it is of another SOP Class than the peer says."""
        if item.sop_class and record.sop_class != item.sop_class:
            return None
        self._restore(record)
        return record

    def _note(self, job: jobs.Job, outcomes: list[_Outcome], transaction: Transaction, *, rest: bool) -> None:
        for item, record, reason in outcomes:
            gone = record is not None and not commit(transaction, record)
            transaction.execute(
                "UPDATE commitment_item SET failure = ? WHERE commitment = ? AND number = ?",
                (Failure.NO_SUCH_INSTANCE if gone else reason, job.target, item.number),
            )
        if rest:
            jobs.postpone(transaction, job, 0)

    def _end(self, job: jobs.Job, transaction: Transaction) -> None:
        decide(transaction, job.target)
        jobs.finish(transaction, job)
