"""How the archive is doing, and what jobs are of."""

import datetime as dt
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.objects import ct
from medarchive.archive import jobs
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.archive.overview import DAYS
from medarchive.archive.targets import Target
from medarchive.settings import Settings


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path / "archive", effort=1)) as archive:
        for number in (1, 2, 3):
            archive.store(io.BytesIO(ct(number)))
        yield archive


def change(archive: Archive, sql: str, *values: object) -> None:
    archive.catalog.write(lambda transaction: transaction.execute(sql, values))


def test_what_came_in_by_day(archive: Archive) -> None:
    long_ago = time.time() - 40 * 86400
    change(archive, "UPDATE instance SET received_at = ? WHERE id = 1", long_ago)
    archive.delete("1.2.3.1.1.2")
    days = archive.overview().days
    assert len(days) == DAYS
    assert days[-1].date == dt.datetime.now().astimezone().date()
    assert [day.instances for day in days] == [0] * (DAYS - 1) + [1]
    assert days[-1].bytes_in == archive.instance("1.2.3.1.1.3").size


def test_queues_and_what_waits_the_longest(archive: Archive) -> None:
    change(archive, "DELETE FROM job")
    assert (archive.overview().queues, archive.overview().oldest) == ((), None)
    archive.catalog.write(lambda transaction: jobs.enqueue(transaction, "compress", 1))
    archive.catalog.write(lambda transaction: jobs.enqueue(transaction, "retire", 1))
    change(archive, "UPDATE job SET created_at = 5, run_after = 1e12 WHERE kind = 'retire'")
    change(archive, "UPDATE job SET created_at = 1000 WHERE kind = 'compress'")
    found = archive.overview()
    assert [(queue.kind, queue.waiting, queue.leased, queue.failed) for queue in found.queues] == [
        ("compress", 1, 0, 0),
        ("retire", 1, 0, 0),
    ]
    assert found.oldest == 1000, "what may not run yet is not late"
    change(archive, "UPDATE job SET run_after = 2000 WHERE kind = 'retire'")
    change(archive, "UPDATE job SET state = 'failed' WHERE kind = 'compress'")
    assert archive.overview().oldest == 2000, "it could not run before, however long ago it was asked for"
    assert archive.overview().queues[0].failed == 1


def test_the_last_check(archive: Archive) -> None:
    assert archive.overview().checked is None
    archive.audit.note(Event("check", "root", "", "cli", "", "failed", "1 faults"))
    archive.audit.note(Event("check", "root", "", "cli", "", "success", "0 faults"), Event("view", "ann", "", "web"))
    checked = archive.overview().checked
    assert checked is not None
    assert (checked.sound, checked.detail) == (True, "0 faults")
    assert time.time() - checked.at < 60


def test_the_disk(archive: Archive) -> None:
    found = archive.overview()
    assert 0 <= found.free_bytes <= found.total_bytes


def test_what_jobs_are_of(archive: Archive) -> None:
    number = archive.commitments().request("CT1", "1.9.9", [("1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1.1")])
    change(archive, "DELETE FROM job")
    change(archive, "UPDATE instance SET batch = 77 WHERE id IN (2, 3)")
    asked: list[tuple[jobs.Kind, int]] = [
        *(("compress", 1), ("derive", 2), ("refer", 3)),
        *(("group", 1), ("read", 1), ("retire", 1)),
        *(("pack", 77), ("commit", number), ("report", number)),
        *(("regroup", 99), ("compress", 99)),
    ]
    for kind, target in asked:
        archive.catalog.write(lambda transaction, k=kind, t=target: jobs.enqueue(transaction, k, t))  # type: ignore[misc]
    listed = list(archive.jobs())
    found = archive.targets(listed)
    study, series = "1.2.3.1", "1.2.3.1.1"
    instances = [Target("instance", f"{series}.{n}", study) for n in (1, 2, 3)]
    of_series = [Target("series", series, study)] * 3
    others = [Target("group", series, study), *[Target("commitment", "1.9.9", "")] * 2]
    assert [found.get(job.id) for job in listed] == [*instances, *of_series, *others, None, None]
    assert archive.targets([]) == {}
    assert {job.kind for job in listed} == {*jobs.KINDS, jobs.REPORT}
