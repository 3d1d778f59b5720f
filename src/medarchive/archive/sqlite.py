"""SqliteCatalog: the embedded default. WAL, synchronous=FULL, group commit, pooled readers."""

import queue
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlite_utils import Database

from medarchive.archive.catalog import Row, Transaction
from medarchive.archive.group import Group, Task
from medarchive.archive.schema import MIGRATIONS
from medarchive.errors import ArchiveBusy, ArchiveError

__all__ = ["SqliteCatalog"]

T = TypeVar("T")
_BATCH = 64
_IDLE_READERS = 8


class SqliteCatalog:
    """A Catalog in one SQLite file beside the blobs.

    Commits are grouped: changes that come while another batch is being synced are committed together.
    """

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        """Open the file, creating or migrating it.

        Raises:
            ArchiveBusy: another process holds the write lock for longer than ``busy_timeout`` seconds.
            ArchiveError: the file is no catalogue, or one of a newer medarchive.
        """
        self._path = path
        self._timeout = busy_timeout
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._group: Group[Callable[[Transaction], Any]] = Group(self._commit, _BATCH)
        self._closed = False
        self._connection = self._connect()
        try:
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        """See Catalog.read."""
        with self._reader() as connection, _translated(self._path):
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str, Sequence[Any]], Iterator[Row]]]:
        """See Catalog.snapshot."""
        with self._reader() as connection:
            connection.execute("BEGIN")
            try:
                yield connection.execute
            finally:
                connection.execute("ROLLBACK")

    def write(self, change: Callable[[Transaction], T]) -> T:
        """See Catalog.write."""
        if self._closed:
            raise ArchiveError("the archive is closed")
        return cast("T", self._group.run(change))

    def close(self) -> None:
        """See Catalog.close."""
        if self._closed:
            return
        self._closed = True
        self._group.wait()
        self._connection.close()
        while not self._readers.empty():
            self._readers.get().close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        try:
            with _translated(self._path):
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                    connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self) -> None:
        """Bring the tables up to date, one process at a time."""
        database = Database(self._connection, use_old_upsert=False)
        with _translated(self._path):
            if MIGRATIONS.pending(database):
                self._connection.execute("BEGIN EXCLUSIVE")
                try:
                    MIGRATIONS.apply(database)
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
            known = {migration.name for migration in MIGRATIONS._migrations}  # noqa: SLF001  # no public list exists
            newer = sorted({migration.name for migration in MIGRATIONS.applied(database)} - known)
        if newer:
            raise ArchiveError(f"{self._path} was written by a newer medarchive (it has {newer[-1]}); update first")

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._closed or self._readers.qsize() >= _IDLE_READERS:
                connection.close()
            else:
                self._readers.put(connection)

    def _commit(self, batch: Sequence[Task[Callable[[Transaction], Any]]]) -> None:
        """Commit a batch of changes; an error of SQLite's own undoes them all."""
        try:
            with _translated(self._path):
                self._connection.execute("BEGIN IMMEDIATE")
                for task in batch:
                    task.value, task.error = self._attempt(task.item)
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _attempt(self, change: Callable[[Transaction], Any]) -> tuple[Any, BaseException | None]:
        """Run one change in a savepoint of its own; an SQLite error (disk full) ends the whole batch."""
        self._connection.execute("SAVEPOINT change")
        try:
            value = change(_Statements(self._connection))
        except sqlite3.Error:
            raise
        except BaseException as error:  # noqa: BLE001  # it belongs to the caller that waits for this change
            self._connection.execute("ROLLBACK TO change")
            self._connection.execute("RELEASE change")
            return None, error
        self._connection.execute("RELEASE change")
        return value, None


class _Statements:
    """A Transaction on the writer's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        return self._connection.execute(sql, parameters).fetchall()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors in our own words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ArchiveBusy(f"catalogue {path}: {error}; nothing was changed, try again") from error
    except sqlite3.DatabaseError as error:
        raise ArchiveError(f"catalogue {path}: {error}") from error
