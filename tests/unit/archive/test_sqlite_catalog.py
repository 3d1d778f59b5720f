import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medarchive.archive.catalog import Transaction
from medarchive.archive.sqlite import SqliteCatalog
from medarchive.errors import ArchiveBusy, ArchiveError


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path / "catalogue.sqlite", busy_timeout=5)
    yield catalog
    catalog.close()


def add_blob(transaction: Transaction, name: str) -> str:
    transaction.execute("INSERT INTO blob (id, size, refs) VALUES (?, 1, 0)", (name,))
    return name


def count(catalog: SqliteCatalog) -> int:
    return int(catalog.read("SELECT count(*) AS n FROM blob")[0]["n"])


def test_a_write_is_seen_by_the_next_read(catalog: SqliteCatalog) -> None:
    assert catalog.write(lambda transaction: add_blob(transaction, "a")) == "a"
    assert count(catalog) == 1


def test_a_failing_change_is_undone_alone_and_answered(catalog: SqliteCatalog) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        started.set()
        go.wait(5)
        add_blob(transaction, "slow")

    def failing(transaction: Transaction) -> None:
        add_blob(transaction, "undone")
        raise LookupError("no such thing")

    answers: list[object] = []

    def caller(change: object) -> None:
        try:
            answers.append(catalog.write(change))  # type: ignore[arg-type]
        except LookupError as error:
            answers.append(str(error))

    threads = [threading.Thread(target=caller, args=(slow,))]
    threads[0].start()
    started.wait(5)
    # These gather while the first is under way and are committed together.
    threads += [threading.Thread(target=caller, args=(failing,))]
    threads += [threading.Thread(target=caller, args=(lambda t, i=i: add_blob(t, f"b{i}"),)) for i in range(5)]
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answers)) == ["None", "b0", "b1", "b2", "b3", "b4", "no such thing"]
    assert {row["id"] for row in catalog.read("SELECT id FROM blob")} == {"slow", "b0", "b1", "b2", "b3", "b4"}


def test_many_threads_lose_nothing(catalog: SqliteCatalog) -> None:
    def work(which: int) -> None:
        for i in range(50):
            catalog.write(lambda transaction, i=i: add_blob(transaction, f"{which}-{i}"))  # type: ignore[misc]

    threads = [threading.Thread(target=work, args=(which,)) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(catalog) == 400


def test_a_lock_that_stays_is_reported_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    catalog = SqliteCatalog(path, busy_timeout=0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ArchiveBusy, match="try again"):
        catalog.write(lambda transaction: add_blob(transaction, "a"))
    holder.execute("ROLLBACK")
    holder.close()
    catalog.write(lambda transaction: add_blob(transaction, "a"))
    assert count(catalog) == 1
    catalog.close()


def test_a_snapshot_does_not_move(catalog: SqliteCatalog) -> None:
    catalog.write(lambda transaction: add_blob(transaction, "a"))
    with catalog.snapshot() as query:
        assert next(query("SELECT count(*) AS n FROM blob", ()))["n"] == 1
        catalog.write(lambda transaction: add_blob(transaction, "b"))
        assert next(query("SELECT count(*) AS n FROM blob", ()))["n"] == 1
    assert count(catalog) == 2


def test_commits_are_synced_in_full(catalog: SqliteCatalog) -> None:
    assert catalog.read("PRAGMA synchronous")[0]["synchronous"] == 2
    assert catalog.read("PRAGMA journal_mode")[0]["journal_mode"] == "wal"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is a letter, not a catalogue" * 100)
    with pytest.raises(ArchiveError, match="not a database"):
        SqliteCatalog(path, busy_timeout=1)


def test_a_catalogue_of_a_newer_medarchive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    SqliteCatalog(path, busy_timeout=1).close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('medarchive', 'm9999_future', '')"
    )
    connection.commit()
    connection.close()
    with pytest.raises(ArchiveError, match=r"newer medarchive.*m9999_future"):
        SqliteCatalog(path, busy_timeout=1)


OPEN = "import sys, pathlib; from medarchive.archive.archive import Archive; from medarchive.settings import Settings\n"
OPEN += "Archive.open(Settings(archive=pathlib.Path(sys.argv[1]))).close()"


def test_processes_that_create_the_same_archive_at_once_agree(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "archive")]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [(child.wait(60), child.communicate()[1]) for child in children] == [(0, b"")] * 4


def test_a_closed_catalogue_says_so(catalog: SqliteCatalog) -> None:
    catalog.close()
    catalog.close()
    with pytest.raises(ArchiveError, match="closed"):
        catalog.write(lambda transaction: add_blob(transaction, "a"))


def test_room_in_the_log_changes_nothing_else(catalog: SqliteCatalog, tmp_path: Path) -> None:
    catalog.write(lambda transaction: add_blob(transaction, "before"))
    catalog.make_room()
    log = tmp_path / "catalogue.sqlite-wal"
    size = log.stat().st_size
    assert size > 12 << 20
    assert catalog.read("SELECT name FROM sqlite_master WHERE name = 'room'") == []
    for number in range(20):
        catalog.write(lambda transaction, number=number: add_blob(transaction, f"after {number}"))  # type: ignore[misc]
    assert log.stat().st_size == size, "what is committed goes where there is room already"
    catalog.close()
    again = SqliteCatalog(tmp_path / "catalogue.sqlite", busy_timeout=5)
    assert count(again) == 21
    assert again.read("PRAGMA integrity_check")[0]["integrity_check"] == "ok"
    again.close()


def test_without_the_lock_there_is_no_room_and_no_harm(tmp_path: Path) -> None:
    catalog = SqliteCatalog(tmp_path / "catalogue.sqlite", busy_timeout=0.1)
    other = sqlite3.connect(tmp_path / "catalogue.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    catalog.make_room()
    other.execute("ROLLBACK")
    other.close()
    catalog.write(lambda transaction: add_blob(transaction, "a"))
    assert count(catalog) == 1
    catalog.close()
