"""SqliteCatalog: the embedded default. WAL, synchronous=FULL, one writer, pooled readers."""

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from medarchive.archive.catalog import Row, Transaction
from medarchive.archive.schema import MIGRATIONS
from medarchive.errors import ArchiveBusy, ArchiveError

__all__ = ["SqliteCatalog"]

T = TypeVar("T")
_CHECKPOINT = "wal_autocheckpoint = 4000"
"""Pages in the log, 16 MB, before they go to the file: a page that changes often goes there once."""
_LOG_BYTES = 4000 * 4096
_IDLE_READERS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005
"""Seconds between two tries for the write lock. SQLite's own pauses grow to a tenth of a second; a commit of ours takes
a hundredth of that."""


class SqliteCatalog:
    """A Catalog in one SQLite file beside the blobs."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        """Open the file, creating or migrating it.

        Raises:
            ArchiveBusy: another process holds the write lock for longer than ``busy_timeout`` seconds.
            ArchiveError: the file is no catalogue, or one of a newer medarchive.
        """
        self._path = path
        self._timeout = busy_timeout
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
        self._closed = False
        self._connection = self._connect()
        try:
            self._migrate()
            self._connection.execute("PRAGMA busy_timeout = 0")  # the writer waits in its own way
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
        with self._writing:
            if self._closed:
                raise ArchiveError("the archive is closed")
            try:
                with _translated(self._path):
                    self._begin()
                    value = change(_Statements(self._connection))
                    self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            return value

    def make_room(self) -> None:
        """Bring the log to its full size, for a process that will write much.

        A commit that makes the file longer waits for the file system's journal, too. What is rolled back stays in the
        log as room. Where the lock or the space is not to be had, all works without.
        """
        with self._writing, contextlib.suppress(sqlite3.OperationalError):
            self._begin()
            try:
                self._connection.execute("CREATE TABLE room (bytes)")
                self._connection.execute("INSERT INTO room VALUES (zeroblob(?))", (_LOG_BYTES,))
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """See Catalog.close."""
        with self._writing:
            if not self._closed:
                self._closed = True
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
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", _CHECKPOINT):
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

    def _begin(self) -> None:
        """Take the write lock, waiting for other processes as long as the timeout allows."""
        deadline, pause = time.monotonic() + self._timeout, _FIRST_PAUSE
        while not self._connection.in_transaction:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)


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
