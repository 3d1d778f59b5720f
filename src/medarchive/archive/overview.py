"""Overview: how the archive is doing, for those who run it."""

import datetime as dt
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from medarchive.archive.catalog import Catalog

__all__ = ["DAYS", "Check", "Day", "Overview", "Queue", "overview"]

DAYS = 30


@dataclass(frozen=True, slots=True)
class Day:
    """What came in on one day, local time, and is still visible. Bytes are those of the Part 10 files."""

    date: dt.date
    instances: int
    bytes_in: int


@dataclass(frozen=True, slots=True)
class Queue:
    """How many jobs of a kind wait, are under way, and failed."""

    kind: str
    waiting: int
    leased: int
    failed: int


@dataclass(frozen=True, slots=True)
class Check:
    """When ``medarchive check`` looked at everything last, whether it found all sound, and how it looked."""

    at: float
    sound: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Overview:
    """How the archive is doing.

    Attributes:
        days: the last ``DAYS`` days, the oldest first.
        queues: of each kind of which there are jobs.
        oldest: since when the job that could run the longest could, seconds since 1970; None: there is none.
        checked: the last check; None: never.
        free_bytes: left on the file system of the archive.
        total_bytes: of that file system.
    """

    days: tuple[Day, ...]
    queues: tuple[Queue, ...]
    oldest: float | None
    checked: Check | None
    free_bytes: int
    total_bytes: int


def overview(catalog: Catalog, folder: Path) -> Overview:
    """Look at the catalogue and the disk."""
    today = dt.datetime.now().astimezone().date()
    first = today - dt.timedelta(days=DAYS - 1)
    since = dt.datetime.combine(first, dt.time()).timestamp()
    rows = catalog.read(
        "SELECT date(received_at, 'unixepoch', 'localtime') AS day, count(*) AS instances, sum(size) AS bytes_in "
        "FROM instance WHERE hidden_at IS NULL AND received_at >= ? GROUP BY 1",
        (since,),
    )
    by_day = {row["day"]: row for row in rows}
    days = []
    for number in range(DAYS):
        date = first + dt.timedelta(days=number)
        row = by_day.get(date.isoformat())
        days.append(Day(date, row["instances"], row["bytes_in"]) if row else Day(date, 0, 0))
    queues = catalog.read(
        "SELECT kind, sum(state = 'waiting') AS waiting, sum(state = 'leased') AS leased, sum(state = 'failed') AS "
        "failed FROM job GROUP BY kind ORDER BY kind"
    )
    due = catalog.read(
        "SELECT min(max(created_at, run_after)) AS at FROM job WHERE state = 'waiting' AND run_after <= ?",
        (time.time(),),
    )
    checks = catalog.read(
        "SELECT at, outcome, detail FROM audit WHERE action = 'check' AND face = 'cli' ORDER BY id DESC LIMIT 1"
    )
    last = next(iter(checks), None)
    disk = shutil.disk_usage(folder)
    return Overview(
        days=tuple(days),
        queues=tuple(Queue(row["kind"], row["waiting"], row["leased"], row["failed"]) for row in queues),
        oldest=due[0]["at"],
        checked=Check(last["at"], last["outcome"] == "success", last["detail"]) if last else None,
        free_bytes=disk.free,
        total_bytes=disk.total,
    )
