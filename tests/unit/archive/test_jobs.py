import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medarchive.archive import jobs
from medarchive.archive.sqlite import SqliteCatalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path / "catalogue.sqlite", busy_timeout=5)
    yield catalog
    catalog.close()


def add(catalog: SqliteCatalog, *targets: int, priority: int = 0) -> None:
    for target in targets:
        catalog.write(lambda transaction, t=target: jobs.enqueue(transaction, "compress", t, priority))  # type: ignore[misc]


def take(catalog: SqliteCatalog, owner: str = "w", seconds: float = 60) -> jobs.Job | None:
    return jobs.lease(catalog, owner, seconds, attempts=3)


def test_jobs_come_in_order_and_each_once(catalog: SqliteCatalog) -> None:
    add(catalog, 7, 8)
    add(catalog, 9, priority=1)
    add(catalog, 7)
    leased = [take(catalog, "a"), take(catalog, "b"), take(catalog, "a")]
    assert [job.target for job in leased if job] == [9, 7, 8]
    assert take(catalog) is None


def test_a_finished_job_is_gone(catalog: SqliteCatalog) -> None:
    add(catalog, 1)
    job = take(catalog)
    assert job is not None
    catalog.write(lambda transaction: jobs.finish(transaction, job))
    assert list(jobs.listed(catalog)) == []
    assert jobs.waiting(catalog) == 0


def test_a_dead_workers_job_goes_to_another(catalog: SqliteCatalog) -> None:
    add(catalog, 1)
    first = take(catalog, "dead", seconds=-1)
    second = take(catalog, "alive")
    assert first is not None
    assert second is not None
    assert (second.target, second.owner, second.attempts) == (1, "alive", 2)
    assert not jobs.renew(catalog, first, 60), "the dead one, awake again, must let go"
    assert jobs.renew(catalog, second, 60)


def test_a_job_that_kills_every_worker_stops_being_tried(catalog: SqliteCatalog) -> None:
    add(catalog, 1)
    for _ in range(3):
        assert take(catalog, seconds=-1) is not None
    assert take(catalog) is None
    (job,) = jobs.listed(catalog)
    assert (job.state, job.error) == ("failed", "its worker died at every attempt")


def test_failures_are_retried_after_growing_pauses_then_wait_for_a_person(
    catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    add(catalog, 1)
    pauses = []
    for _ in range(2):
        job = take(catalog)
        assert job is not None
        jobs.fail(catalog, job, "codec fell over", attempts=3)
        assert take(catalog) is None, "not at once"
        (row,) = jobs.listed(catalog)
        pauses.append(row.run_after - now[0])
        now[0] = row.run_after
    assert pauses == [2, 4]
    job = take(catalog)
    assert job is not None
    jobs.fail(catalog, job, "codec fell over", attempts=3)
    now[0] += 1e6
    assert take(catalog) is None
    (row,) = jobs.listed(catalog)
    assert (row.state, row.error, row.attempts) == ("failed", "codec fell over", 3)
    assert jobs.waiting(catalog) == 0
    assert jobs.retry(catalog) == 1
    assert take(catalog) is not None


def test_only_jobs_up_to_a_number(catalog: SqliteCatalog) -> None:
    add(catalog, 1)
    last = jobs.newest(catalog)
    add(catalog, 2)
    job = jobs.lease(catalog, "w", 60, attempts=3, up_to=last)
    assert job is not None
    assert job.target == 1
    assert jobs.lease(catalog, "w", 60, attempts=3, up_to=last) is None
    assert jobs.waiting(catalog, last) == 1
    assert jobs.waiting(catalog) == 2


def test_jobs_are_listed_by_state_kind_and_number(catalog: SqliteCatalog) -> None:
    add(catalog, 1, 2, 3)
    catalog.write(lambda transaction: jobs.enqueue(transaction, "group", 7))
    job = take(catalog)
    assert job is not None
    jobs.fail(catalog, job, "broken", attempts=1)

    def targets(**chosen: object) -> list[int]:
        return [job.target for job in jobs.listed(catalog, **chosen)]  # type: ignore[arg-type]

    assert targets() == [1, 2, 3, 7]
    assert targets(state="failed") == [1]
    assert targets(state="waiting", kind="compress") == [2, 3]
    assert targets(after=job.id + 1) == [3, 7]
    assert targets(kind="' OR 1=1 --") == []


def test_one_failed_job_is_tried_again(catalog: SqliteCatalog) -> None:
    add(catalog, 1, 2)
    failed = [take(catalog), take(catalog)]
    for job in failed:
        assert job is not None
        jobs.fail(catalog, job, "broken", attempts=1)
    assert failed[1] is not None
    assert jobs.retry(catalog, failed[1].id) == 1
    assert jobs.retry(catalog, failed[1].id) == 0, "it waits already"
    assert [(job.target, job.state) for job in jobs.listed(catalog)] == [(1, "failed"), (2, "waiting")]
    assert jobs.retry(catalog) == 1
