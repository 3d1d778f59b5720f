"""Disk: the few file operations on which durability rests, in one place so that a test can take the power away.

Each is one system call and follows POSIX: data is safe after fsync of the file, a name is safe
after fsync of its directory.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

__all__ = ["Disk"]

_WRITE = 2
"""SYNC_FILE_RANGE_WRITE"""


class Disk:
    """The real thing."""

    def create(self, path: Path) -> BinaryIO:
        """A new, empty file, open for writing without a buffer."""
        return path.open("xb", buffering=0)

    def begin_sync(self, file: BinaryIO) -> None:
        """Send a file's bytes on their way, without waiting. Where that cannot be asked for, ``sync`` does it all."""
        start = _sync_file_range()
        if start is not None:
            start(file.fileno(), 0, 0, _WRITE)  # where it fails, sync fails, too

    def sync(self, file: BinaryIO) -> None:
        """Make a file's bytes safe."""
        os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name, in the place of any other of that name."""
        source.replace(target)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory safe."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def make_directory(self, path: Path) -> None:
        """Make a directory where there is none; its name is safe when its parent is synced, and not before."""
        path.mkdir(exist_ok=True)

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is not there is no error."""
        path.unlink(missing_ok=True)

    def names(self, path: Path) -> Iterator[str]:
        """The names in a directory; none where there is no directory."""
        try:
            with os.scandir(path) as entries:
                yield from (entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Linux's call that starts writing a file's bytes, which Python does not have; None elsewhere."""
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
