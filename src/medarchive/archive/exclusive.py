"""Exclusive: one process at a time."""

import fcntl
import os
from pathlib import Path

__all__ = ["exclusive"]


class exclusive:  # noqa: N801  # reads as a verb where it is used
    """A lock between processes, held while the block runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)
