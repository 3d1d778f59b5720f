"""SqliteCatalog: the embedded default. WAL, synchronous=FULL, group commit, pooled readers."""

import collections
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlite_utils import Database

from medarchive.archive.catalog import Row, Transaction
from medarchive.archive.schema import MIGRATIONS
from medarchive.errors import ArchiveBusy, ArchiveError

__all__ = ["SqliteCatalog"]

T = TypeVar("T")
_BATCH = 64
_IDLE_READERS = 8


class SqliteCatalog:
    """A Catalog in one SQLite file beside the blobs.

    Commits are grouped: whoever finds nobody writing commits its own change and all that have gathered meanwhile; one
    of those who came too late for that goes next. Ten callers pay for about two syncs instead of ten, one caller waits
    for nobody, and no thread stands between a caller and its commit.
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
        self._gathered: collections.deque[_Task] = collections.deque()
        self._guard = threading.Condition()
        self._writing = False
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
        task = _Task(change)
        with self._guard:
            if self._closed:
                raise ArchiveError("the archive is closed")
            self._gathered.append(task)
            first, self._writing = not self._writing, True
        if not first:
            task.woken.wait()
        if not task.done:
            self._write_gathered()
        if task.error is not None:
            raise task.error
        return cast("T", task.value)

    def _write_gathered(self) -> None:
        """Commit what has gathered, our own change with it; wake its callers, and one more to write next."""
        with self._guard:
            batch = [self._gathered.popleft() for _ in range(min(len(self._gathered), _BATCH))]
        try:
            self._commit(batch)
        finally:
            with self._guard:
                following = [self._gathered[0]] if self._gathered else []
                self._writing = bool(following)
                self._guard.notify_all()
            for task in batch + following:
                task.woken.set()

    def close(self) -> None:
        """See Catalog.close."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._guard.wait_for(lambda: not self._writing)
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

    def _commit(self, batch: "list[_Task]") -> None:
        try:
            with _translated(self._path):
                self._connection.execute("BEGIN IMMEDIATE")
                for task in batch:
                    task.value, task.error = self._attempt(task.change)
                self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001  # whoever waits must hear of it, whatever it is
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for task in batch:
                task.error = error
        for task in batch:
            task.done = True

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


class _Task:
    """A change and what became of it."""

    def __init__(self, change: Callable[[Transaction], Any]) -> None:
        self.change = change
        self.woken = threading.Event()
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None


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
