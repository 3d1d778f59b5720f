"""Jobs: leased background work in the catalogue. Resumable, retried with growing pauses, visible."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from medarchive.archive.catalog import Catalog, Row, Transaction

__all__ = [
    "KINDS",
    "READ_PRIORITY",
    "REPORT",
    "Job",
    "Kind",
    "enqueue",
    "fail",
    "finish",
    "hasten",
    "lease",
    "listed",
    "newest",
    "postpone",
    "renew",
    "retry",
    "waiting",
]

Kind = Literal["compress", "group", "pack", "regroup", "refer", "derive", "retire", "commit", "report", "read"]
"""``compress``: an instance. ``group``: a series that has gone quiet is cut into groups. ``pack``: a group's slices are
coded together. ``regroup``: a closed group is written again without what was purged. ``refer``: which others an
instance mentions is read. ``derive``: a version with loss is made of an instance. ``retire``: the originals of a
series, of which there are such versions, go out of sight. ``commit``: the instances of a storage commitment are proven.
``report``: its outcome is told to the peer that asked. ``read``: the images of a series that has gone quiet
are read."""

REPORT: Kind = "report"
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != REPORT)
"""What an archive does by itself. Reports are a node's: they need a network."""
READ_PRIORITY = -2
"""Of ``read`` jobs: everything else comes first."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 3600.0
_SOON = 5.0
"""Seconds within which a series must go quiet to be waited for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work.

    Attributes:
        id: its number.
        kind: what is to be done.
        target: the row number of the instance, series or commitment, or the number of the batch, that it is done to.
        state: ``waiting``, ``leased`` to a worker, or ``failed``: tried as often as the settings allow.
        attempts: how often it was begun.
        run_after: not before this time (seconds since 1970).
        owner: the worker that has it.
        lease_until: when its worker is taken for dead.
        error: why the last attempt failed.
        created_at: when it was asked for.
        options: how it is to be done, as ``How.packed`` wrote it; empty: as the worker's settings say.
    """

    id: int
    kind: Kind
    target: int
    state: Literal["waiting", "leased", "failed"]
    attempts: int
    run_after: float
    owner: str
    lease_until: float
    error: str
    created_at: float
    options: str


def enqueue(
    transaction: Transaction, kind: Kind, target: int, priority: int = 0, run_after: float = 0, options: str = ""
) -> None:
    """Ask for work, in the transaction that makes it necessary.

    Work that is asked for already stays as it is; before its first attempt it may be put off.
    """
    transaction.execute(
        "INSERT INTO job (kind, target, priority, state, attempts, run_after, owner, lease_until, error, created_at, "
        "options) VALUES (?, ?, ?, 'waiting', 0, ?, '', 0, '', ?, ?) ON CONFLICT (kind, target) DO UPDATE "
        "SET run_after = max(run_after, excluded.run_after) WHERE state = 'waiting' AND attempts = 0",
        (kind, target, priority, run_after, time.time(), options),
    )


def lease(
    catalog: Catalog,
    owner: str,
    seconds: float,
    attempts: int,
    up_to: int | None = None,
    kinds: Sequence[Kind] = KINDS,
    early: Sequence[int] = (),
) -> Job | None:
    """Take the next job that may run now, or whose worker is dead; None where there is none.

    Args:
        catalog: where the jobs are.
        owner: a name for this worker that no other has.
        seconds: for how long the job is ours without ``renew``.
        attempts: a job that was begun this often and whose worker died is not begun again.
        up_to: no job with a higher number.
        kinds: no job of another kind.
        early: targets of which a job may be taken before its time, before its first attempt.
    """
    now = time.time()
    due = f"(run_after <= ? OR (attempts = 0 AND target IN ({_marks(early)})))"
    where = f"((state = 'waiting' AND {due}) OR (state = 'leased' AND lease_until < ?)) AND id <= ?"
    where += f" AND kind IN ({_marks(kinds)})"
    parameters = (now, *early, now, (1 << 62) if up_to is None else up_to, *kinds)

    def take(transaction: Transaction) -> Job | None:
        transaction.execute(
            "UPDATE job SET state = 'failed', error = 'its worker died at every attempt' "
            f"WHERE state = 'leased' AND lease_until < ? AND attempts >= ? AND kind IN ({_marks(kinds)})",
            (now, attempts, *kinds),
        )
        rows = transaction.execute(
            "UPDATE job SET state = 'leased', owner = ?, lease_until = ?, attempts = attempts + 1 WHERE id = "
            f"(SELECT id FROM job WHERE {where} ORDER BY priority DESC, id LIMIT 1) RETURNING *",
            (owner, now + seconds, *parameters),
        )
        return _job(rows[0]) if rows else None

    # Most looks find nothing: they shall not take the write lock.
    found = catalog.read(f"SELECT id FROM job WHERE {where} LIMIT 1", parameters)
    return catalog.write(take) if found else None


def renew(catalog: Catalog, job: Job, seconds: float) -> bool:
    """Keep a job for longer. False: it was given to another worker, so let go of it."""
    return catalog.write(
        lambda transaction: bool(
            transaction.execute(
                "UPDATE job SET lease_until = ? WHERE id = ? AND owner = ? AND state = 'leased' RETURNING id",
                (time.time() + seconds, job.id, job.owner),
            )
        )
    )


def finish(transaction: Transaction, job: Job) -> None:
    """The work is done: in the transaction that makes its result visible."""
    # Numbers come back: by number alone, a worker that lost its lease could end another's job.
    transaction.execute("DELETE FROM job WHERE id = ? AND kind = ? AND target = ?", (job.id, job.kind, job.target))


def postpone(transaction: Transaction, job: Job, seconds: float) -> None:
    """What the job needs is not there yet: try again later. The attempt does not count."""
    transaction.execute(
        "UPDATE job SET state = 'waiting', attempts = attempts - 1, run_after = ?, owner = '' "
        "WHERE id = ? AND owner = ?",
        (time.time() + seconds, job.id, job.owner),
    )


def fail(catalog: Catalog, job: Job, error: str, attempts: int) -> None:
    """The attempt failed: try again after a pause that doubles, or give up until a person asks for it again."""
    pause = min(_FIRST_PAUSE * 2 ** (job.attempts - 1), _LONGEST_PAUSE)
    state = "failed" if job.attempts >= attempts else "waiting"
    catalog.write(
        lambda transaction: transaction.execute(
            "UPDATE job SET state = ?, run_after = ?, owner = '', error = ? WHERE id = ? AND owner = ?",
            (state, time.time() + pause, error[:2000], job.id, job.owner),
        )
    )


def retry(catalog: Catalog, number: int | None = None) -> int:
    """Give every failed job, or that of a number, its attempts back; returns how many there were."""
    sql = (
        "UPDATE job SET state = 'waiting', attempts = 0, run_after = 0 WHERE state = 'failed' "
        "AND (? IS NULL OR id = ?) RETURNING id"
    )
    return catalog.write(lambda transaction: len(transaction.execute(sql, (number, number))))


def hasten(catalog: Catalog, series_uids: Sequence[str], kind: Literal["group", "read"] = "group") -> int:
    """Take some series for quiet now; returns for how many of them there is a job that waits for that."""
    sql = (
        f"UPDATE job SET run_after = 0 WHERE kind = '{kind}' AND state = 'waiting' AND target IN "
        "(SELECT id FROM series WHERE SeriesInstanceUID IN ({})) RETURNING id"
    )
    found = 0
    for first in range(0, len(series_uids), 500):
        some = series_uids[first : first + 500]
        marks = _marks(some)
        found += catalog.write(lambda transaction: len(transaction.execute(sql.format(marks), some)))  # noqa: B023
    return found


def listed(catalog: Catalog, state: str = "", kind: str = "", after: int = 0) -> Iterator[Job]:
    """Jobs in the order in which they were asked for.

    Args:
        catalog: where they are.
        state: those in this state alone; empty: in any.
        kind: those of this kind alone; empty: of any.
        after: those with higher numbers than this.
    """
    wanted = {name: value for name, value in (("state", state), ("kind", kind)) if value}
    where = "".join(f" AND {name} = ?" for name in wanted)
    sql = f"SELECT * FROM job WHERE id > ?{where} ORDER BY id LIMIT 500"
    while rows := catalog.read(sql, (after, *wanted.values())):
        yield from map(_job, rows)
        after = rows[-1]["id"]


def waiting(catalog: Catalog, up_to: int | None = None, kinds: Sequence[Kind] = KINDS, *, soon: bool = False) -> int:
    """How many jobs of some kinds (up to a number) are not done and have not failed for good.

    Args:
        catalog: where the jobs are.
        up_to: not counting those with a higher number.
        kinds: not counting those of other kinds.
        soon: not counting those that wait for a series to go quiet, or for the grace of originals to pass.
    """
    sql = f"SELECT count(*) AS n FROM job WHERE state <> 'failed' AND id <= ? AND kind IN ({_marks(kinds)})"
    if soon:
        sql += f" AND (kind NOT IN ('group', 'retire', 'read') OR run_after <= {time.time() + _SOON})"
    return int(catalog.read(sql, ((1 << 62) if up_to is None else up_to, *kinds))[0]["n"])


def newest(catalog: Catalog) -> int:
    """The highest number of a job, 0 where there is none."""
    return int(catalog.read("SELECT coalesce(max(id), 0) AS n FROM job")[0]["n"])


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _job(row: Row) -> Job:
    return Job(**{name: row[name] for name in Job.__slots__})
