"""Commitments: what peers asked the archive to answer for, and what became of it (PS3.4 J, Storage Commitment)."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from medarchive.archive import jobs
from medarchive.archive.catalog import Catalog, Row, Transaction
from medarchive.archive.heartbeat import Heartbeat
from medarchive.settings import Settings

__all__ = ["Commitment", "Commitments", "Failure", "Item", "Reference", "decide", "undecided"]

_FIRST = 10
"""Priority of a commit job: somebody waits for its outcome, with the only other copy."""
_HEAD_START = 1.0
"""Seconds in which the process that has the requester's association may report on it, before any other does."""

Reference = tuple[str, str]
"""SOP Class UID and SOP Instance UID."""


class Failure(IntEnum):
    """Why the archive does not answer for an instance: Failure Reason (0008,1197), PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    CLASS_CONFLICT = 0x0119
    DUPLICATE_TRANSACTION = 0x0131


@dataclass(frozen=True, slots=True)
class Item:
    """One instance of a request.

    Attributes:
        number: its place in the request, from 0.
        sop_class: SOP Class UID, as the peer has it.
        uid: SOP Instance UID.
        failure: None until it was looked at, 0 where the archive answers for it, else a ``Failure``.
    """

    number: int
    sop_class: str
    uid: str
    failure: int | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """One request.

    Attributes:
        id: its number.
        transaction_uid: the peer's name for it.
        peer: AE title of the peer.
        requested_at: when (seconds since 1970).
        decided_at: when all was looked at; None before.
        reported_at: when the peer took the report; None before.
        instances: how many it names.
        committed: for how many of them the archive answers.
        failed: for how many it does not.
        state: ``asked``, ``decided``, ``reported``, or ``given up``: its job failed as often as the settings allow.
    """

    id: int
    transaction_uid: str
    peer: str
    requested_at: float
    decided_at: float | None
    reported_at: float | None
    instances: int
    committed: int
    failed: int
    state: Literal["asked", "decided", "reported", "given up"]


class Commitments:
    """The requests of an archive, and the reports on them that are due."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog

    def request(self, peer: str, transaction_uid: str, references: Sequence[Reference]) -> int:
        """Note a request; when this returns it survives a power cut, and a job will look at what it names.

        The same request again is looked at again. Another one under a Transaction UID that is taken is noted as such:
        each of its instances fails.

        Args:
            peer: AE title of the peer, to which the outcome is reported.
            transaction_uid: its name for the request.
            references: what it wants the archive to answer for.

        Returns:
            The number of the commitment.

        Raises:
            ArchiveBusy: nothing was noted.
        """

        def note(transaction: Transaction) -> int:
            taken = transaction.execute(
                "SELECT id, peer, decided_at FROM commitment WHERE transaction_uid = ? AND duplicate = 0",
                (transaction_uid,),
            )
            for row in taken:
                if row["peer"] == peer and _references(transaction, row["id"]) == list(references):
                    _again(transaction, row)
                    return int(row["id"])
            now = time.time()
            number = int(
                transaction.execute(
                    "INSERT INTO commitment (transaction_uid, peer, duplicate, requested_at) VALUES (?, ?, ?, ?) "
                    "RETURNING id",
                    (transaction_uid, peer, len(taken), now),
                )[0]["id"]
            )
            transaction.execute(
                "INSERT INTO commitment_item (commitment, number, sop_class, uid, failure) SELECT ?, key, "
                "json_extract(value, '$[0]'), json_extract(value, '$[1]'), ? FROM json_each(?)",
                (number, Failure.DUPLICATE_TRANSACTION if taken else None, json.dumps(references)),
            )
            jobs.enqueue(transaction, "commit", number, _FIRST)
            return number

        return self._catalog.write(note)

    def all(self) -> Iterator[Commitment]:
        """Every request, in the order of their arrival."""
        last = 0
        while rows := self._catalog.read(
            f"{_SELECT} WHERE commitment.id > ? ORDER BY commitment.id LIMIT 500", (last,)
        ):
            yield from map(_commitment, rows)
            last = rows[-1]["id"]

    def items(self, commitment: int) -> list[Item]:
        """The instances that a request names."""
        return _items(
            self._catalog.read("SELECT * FROM commitment_item WHERE commitment = ? ORDER BY number", (commitment,))
        )

    def take_report(self, owner: str, early: Sequence[int]) -> "Report | None":
        """The next report that is to be sent now, None where there is none. It is the caller's until it ends.

        Args:
            owner: a name for the caller that no other has.
            early: commitments on which the caller can report at once, on an association that is open.
        """
        settings = self._settings
        job = jobs.lease(
            self._catalog, owner, settings.lease, settings.report_attempts, None, (jobs.REPORT,), early[-500:]
        )
        if job is None:
            return None
        rows = self._catalog.read(f"{_SELECT} WHERE commitment.id = ?", (job.target,))
        return Report(self._settings, self._catalog, job, _commitment(rows[0]), self.items(job.target))


class Report:
    """A report that is to be sent: ``with`` it, the job stays ours; then it was ``sent``, or it was not."""

    def __init__(
        self, settings: Settings, catalog: Catalog, job: jobs.Job, commitment: Commitment, items: list[Item]
    ) -> None:
        self.commitment = commitment
        self.items = items
        self._attempts = settings.report_attempts
        self._catalog = catalog
        self._job = job
        self._heartbeat = Heartbeat(catalog, job, settings.lease)

    @property
    def is_last(self) -> bool:
        """Whether it is given up where it cannot be sent this time."""
        return self._job.attempts >= self._attempts

    def __enter__(self) -> None:
        """Begin."""
        self._heartbeat.__enter__()

    def __exit__(self, *_: object) -> None:
        """End."""
        self._heartbeat.__exit__()

    def sent(self) -> None:
        """The peer has taken it."""

        def note(transaction: Transaction) -> None:
            transaction.execute("UPDATE commitment SET reported_at = ? WHERE id = ?", (time.time(), self.commitment.id))
            jobs.finish(transaction, self._job)

        self._catalog.write(note)

    def not_sent(self, why: str) -> None:
        """It is tried again after a pause; what else is for this peer waits as long."""
        jobs.fail(self._catalog, self._job, why, self._attempts)
        self._catalog.write(
            lambda transaction: transaction.execute(
                "UPDATE job SET run_after = max(run_after, (SELECT run_after FROM job WHERE id = ?)) WHERE kind = ? "
                "AND state = 'waiting' AND target IN (SELECT id FROM commitment WHERE peer = ?)",
                (self._job.id, jobs.REPORT, self.commitment.peer),
            )
        )

    def put_off(self) -> None:
        """We are about to end: another process, or the next one, sends it. The attempt does not count."""
        self._catalog.write(lambda transaction: jobs.postpone(transaction, self._job, 0))


def undecided(catalog: Catalog, commitment: int, most: int) -> list[Item]:
    """The next instances of a request that nobody has looked at."""
    sql = "SELECT * FROM commitment_item WHERE commitment = ? AND failure IS NULL ORDER BY number LIMIT ?"
    return _items(catalog.read(sql, (commitment, most)))


def decide(transaction: Transaction, commitment: int) -> None:
    """All instances of a request have been looked at: note it, and have it reported."""
    transaction.execute("UPDATE commitment SET decided_at = ? WHERE id = ?", (time.time(), commitment))
    jobs.enqueue(transaction, jobs.REPORT, commitment, _FIRST, time.time() + _HEAD_START)


def _again(transaction: Transaction, row: Row) -> None:
    """A peer asks for the same again: it lost our answer, or has sent what was missing."""
    of_report = (jobs.REPORT, row["id"])
    if transaction.execute("SELECT 1 FROM job WHERE kind = ? AND target = ? AND state = 'leased'", of_report):
        return  # it hears in this moment
    transaction.execute("DELETE FROM job WHERE kind = ? AND target = ?", of_report)
    if row["decided_at"] is not None:
        transaction.execute("UPDATE commitment_item SET failure = NULL WHERE commitment = ?", (row["id"],))
        transaction.execute("UPDATE commitment SET decided_at = NULL, reported_at = NULL WHERE id = ?", (row["id"],))
    transaction.execute("DELETE FROM job WHERE kind = 'commit' AND target = ? AND state = 'failed'", (row["id"],))
    jobs.enqueue(transaction, "commit", row["id"], _FIRST)


def _references(transaction: Transaction, commitment: int) -> list[Reference]:
    sql = "SELECT sop_class, uid FROM commitment_item WHERE commitment = ? ORDER BY number"
    return [(row["sop_class"], row["uid"]) for row in transaction.execute(sql, (commitment,))]


def _items(rows: Sequence[Row]) -> list[Item]:
    return [Item(row["number"], row["sop_class"], row["uid"], row["failure"]) for row in rows]


def _commitment(row: Row) -> Commitment:
    return Commitment(**{name: row[name] for name in Commitment.__slots__})


_SELECT = """
SELECT commitment.id, transaction_uid, peer, requested_at, decided_at, reported_at,
    (SELECT count(*) FROM commitment_item WHERE commitment = commitment.id) AS instances,
    (SELECT count(*) FROM commitment_item WHERE commitment = commitment.id AND failure = 0) AS committed,
    (SELECT count(*) FROM commitment_item WHERE commitment = commitment.id AND failure > 0) AS failed,
    CASE WHEN EXISTS (SELECT 1 FROM job WHERE kind IN ('commit', 'report') AND target = commitment.id
            AND state = 'failed') THEN 'given up'
        WHEN reported_at IS NOT NULL THEN 'reported' WHEN decided_at IS NOT NULL THEN 'decided'
        ELSE 'asked' END AS state
FROM commitment
"""
