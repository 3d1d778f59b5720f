"""Spool: a file on its way out, in memory while it is small, hashed while it is written."""

import hashlib
import io
from typing import BinaryIO, Self, cast

from medarchive.archive.staging import Staging

__all__ = ["Spool"]


class Spool:
    """Takes bytes, counts and hashes them; ``finished`` hands them out as a stream from their start."""

    def __init__(self, staging: Staging, max_memory: int) -> None:
        self._staging = staging
        self._max = max_memory
        self._file: BinaryIO = io.BytesIO()
        self._in_memory = True
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes; beyond ``max_memory`` they go to a file that has no name and vanishes with its last reader."""
        if self._in_memory and self.size + len(data) > self._max:
            path = self._staging.new()
            file = path.open("x+b")
            path.unlink()
            file.write(cast("io.BytesIO", self._file).getbuffer())
            self._file, self._in_memory = file, False
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def finished(self) -> BinaryIO:
        """The bytes, seekable, from their start. The reader closes it."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Throw the bytes away."""
        self._file.close()

    def __enter__(self) -> Self:
        """Close on an error only: ``finished`` gives the file away."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """See ``__enter__``."""
        if kind is not None:
            self.close()
