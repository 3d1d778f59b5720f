"""Background work steps aside while many objects arrive."""

import io
import threading
from pathlib import Path

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.archive.courtesy import Courtesy
from medarchive.archive.ingest import Offer
from medarchive.settings import Settings


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stopped = False

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float) -> bool:
        self.now += timeout
        return self.stopped


def waited(archive: Archive, clock: Clock) -> float:
    before = clock.now
    Courtesy(archive.catalog, clock).wait(clock)  # type: ignore[arg-type]
    return clock.now - before


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.open(Settings(archive=tmp_path / "archive", codecs=("zstd-planes",), workers=1))
    archive.store_all([Offer(lambda number=number: io.BytesIO(ct(number, size=8))) for number in range(60)])  # type: ignore[misc]
    return archive


def arrived(archive: Archive, *, at: float, every: float) -> None:
    sql = "UPDATE instance SET received_at = ? - ? * ((SELECT max(id) FROM instance) - id)"
    archive.catalog.write(lambda transaction: transaction.execute(sql, (at, every)))


def test_while_many_arrive_it_waits_until_the_last_is_a_second_old(archive: Archive) -> None:
    arrived(archive, at=1000, every=0.001)
    assert 0.9 < waited(archive, Clock()) < 1.3


def test_where_few_arrive_it_does_not_wait(archive: Archive) -> None:
    arrived(archive, at=1000, every=0.1)
    assert waited(archive, Clock()) == 0


def test_it_does_not_wait_for_ever(archive: Archive) -> None:
    arrived(archive, at=10_000, every=0)
    assert waited(archive, Clock()) == 60


def test_it_stops_when_told(archive: Archive) -> None:
    arrived(archive, at=10_000, every=0)
    clock = Clock()
    clock.stopped = True
    assert waited(archive, clock) < 1


def test_the_jobs_process_compresses_when_the_push_is_over(archive: Archive) -> None:
    results = list(archive.compress(courteous=True, stop=threading.Event()))
    assert sorted(result.kind for result in results if not result.error)[:60] == ["compress"] * 60
