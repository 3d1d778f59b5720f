"""Staging: a folder of this process for files on their way in, swept when its process is gone.

Every process that writes has ``incoming/<random>/`` with a lock file that it holds while it lives. A folder whose lock
can be taken belongs to nobody: what lies there was never acknowledged and is removed.
"""

import fcntl
import itertools
import logging
import os
import shutil
import threading
import uuid
from pathlib import Path

__all__ = ["Staging"]

LOGGER = logging.getLogger(__name__)


class Staging:
    """One process' folder below ``incoming``; made and locked when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder: Path | None = None
        self._lock: int | None = None
        self._guard = threading.Lock()
        self._numbers = itertools.count()

    def folder(self) -> Path:
        """The folder; the first call makes it and sweeps those of dead processes."""
        with self._guard:
            if self._folder is None:
                self._root.mkdir(parents=True, exist_ok=True)
                sweep(self._root)
                self._folder, self._lock = _locked(self._root)
            return self._folder

    def new(self) -> Path:
        """A path in the folder that nobody has."""
        return self.folder() / f"{next(self._numbers):032x}"

    def close(self) -> None:
        """Remove the folder and let the lock go."""
        with self._guard:
            if self._folder is not None and self._lock is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.with_name(f".{self._folder.name}").unlink(missing_ok=True)
                os.close(self._lock)
                self._folder = self._lock = None


def _locked(root: Path) -> tuple[Path, int]:
    """A new folder and its held lock. The lock comes first: a folder without a held lock would be swept."""
    while True:
        folder = root / uuid.uuid4().hex
        lock = os.open(root / f".{folder.name}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:  # else another process swept it between the two calls
            folder.mkdir(mode=0o700)
            return folder, lock
        os.close(lock)


def sweep(root: Path) -> int:
    """Remove the folders whose processes are gone; returns how many there were."""
    swept = 0
    for lock in root.glob(".????????????????????????????????"):
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_name(lock.name[1:]), ignore_errors=True)
            lock.unlink(missing_ok=True)
            swept += 1
        except BlockingIOError:
            pass
        finally:
            os.close(handle)
    if swept:
        LOGGER.info("swept %d folders of unfinished files", swept)
    return swept
