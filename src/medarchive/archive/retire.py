"""Retire: originals go out of sight when what was derived from them is sound, their grace has passed, and nobody minds.

The originals that one rule decides on go together or stay together: a series never falls in two. They are hidden, as by
``delete``: until they are purged they can come back.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from medarchive.archive import jobs
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.deletion import hide
from medarchive.archive.derive import retire_at
from medarchive.archive.eligible import guarded
from medarchive.archive.members import Member, by_rule, members
from medarchive.archive.mentions import Read
from medarchive.archive.retrieve import current
from medarchive.policy import Rule
from medarchive.settings import Settings

__all__ = ["Retirer"]

LOGGER = logging.getLogger(__name__)
_AGAIN = 60.0
"""Seconds until a series is looked at again of which some instances are not derived yet."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """An original and what was derived from it."""

    source: int
    source_uid: str
    derived_uid: str


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What stands with the originals that a rule decides on: why they stay, or when they may go, or that they may."""

    pairs: tuple[_Pair, ...] = ()
    stay: str = ""
    not_before: float = 0


class Retirer:
    """Does ``retire`` jobs."""

    def __init__(self, settings: Settings, catalog: Catalog, restore: Callable[[InstanceRecord], object]) -> None:
        """Put the parts together.

        Args:
            settings: its policy must still say that the originals go.
            catalog: where the instances are.
            restore: gives an instance's file back from the store and compares it, or raises.
        """
        self._settings = settings
        self._catalog = catalog
        self._restore = restore

    def retire(self, job: jobs.Job) -> Compressed:
        """Do a job: of a series, hide the originals that may go now; come again for those that may go later.

        Raises:
            BlobCorrupt, BlobMissing: a derived instance does not come back. The originals stay.
        """
        hidden: list[_Pair] = []
        for rule, found in self._sets(self._catalog.read, job.target).items():
            outlook = self._outlook(self._catalog.read, rule, found)
            if outlook.stay:
                LOGGER.warning("originals of series number %d stay (%s): %s", job.target, rule.what, outlook.stay)
            elif outlook.pairs and outlook.not_before <= time.time():
                for pair in outlook.pairs:
                    current(self._catalog, pair.derived_uid, self._restore)
                if self._catalog.write(partial(self._hide, job.target, rule, outlook)):
                    hidden += outlook.pairs
        self._catalog.write(partial(self._end, job))
        return Compressed("retire", job.target, hidden[0].source_uid if hidden else "", instances=len(hidden))

    def _end(self, job: jobs.Job, transaction: Transaction) -> None:
        """End the job, or come again when the next originals may go: some have their grace, or were just derived."""
        sets = self._sets(transaction.execute, job.target)
        outlooks = [self._outlook(transaction.execute, rule, found) for rule, found in sets.items()]
        times = [outlook.not_before for outlook in outlooks if not outlook.stay]
        if times:
            jobs.postpone(transaction, job, max(min(times) - time.time(), 0))
        else:
            jobs.finish(transaction, job)

    def _sets(self, read: Read, series: int) -> dict[Rule, list[Member]]:
        """The originals of a series by the rule that says that they go."""
        found = by_rule(self._settings.policy, members(read, series), dt.date.today())
        return {
            match[1]: some for match, some in found.items() if match and match[1].loses and not match[1].keep_original
        }

    def _outlook(self, read: Read, rule: Rule, found: list[Member]) -> _Outlook:
        """What stands with some originals."""
        pairs, newest = [], 0.0
        for member in found:
            rows = read(_DERIVED, (member.id, rule.what))
            if not rows and read(
                "SELECT 1 FROM job WHERE kind = 'derive' AND target = ? AND state <> 'failed'", (member.id,)
            ):
                return _Outlook(not_before=time.time() + _AGAIN)
            if not rows:
                return _Outlook(stay=f"nothing was derived from {member.uid}, or it is gone")
            if rows[0]["retired_at"] is not None:
                return _Outlook(stay=f"{member.uid} was brought back")
            reason = guarded(read, member.id, member.uid)
            if reason:
                return _Outlook(stay=f"{member.uid}: {reason}")
            newest = max(newest, rows[0]["created_at"])
            pairs.append(_Pair(member.id, member.uid, rows[0]["derived_uid"]))
        return _Outlook(tuple(pairs), not_before=retire_at(newest, rule))

    def _hide(self, series: int, rule: Rule, outlook: _Outlook, transaction: Transaction) -> bool:
        """Hide the originals, if under the write lock everything is as it was."""
        found = self._sets(transaction.execute, series).get(rule, [])
        if self._outlook(transaction.execute, rule, found) != outlook:
            return False
        for pair in outlook.pairs:
            hide(transaction, pair.source_uid)
            transaction.execute(
                "UPDATE derivation SET retired_at = ? WHERE source = ? AND what = ?",
                (time.time(), pair.source, rule.what),
            )
        return True


_DERIVED = (
    "SELECT derivation.created_at, retired_at, derived_uid FROM derivation "
    "JOIN instance ON instance.id = derivation.derived AND hidden_at IS NULL "
    "WHERE derivation.source = ? AND what = ? AND outcome = 'derived'"
)
