"""Received: an object on its way in."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from medarchive.errors import LimitExceeded

__all__ = ["Received"]

_SPILL = 1 << 20
"""Bytes of an object that stay in memory; a longer one goes to a file."""


class Received(io.BytesIO):
    """An object on its way in, as a Part 10 file: in memory while it is small, then in a file without a name.

    Nothing raises here, in the middle of a transfer: trouble is kept until the object is asked for.
    """

    def __init__(self, meta: bytes, new_file: Callable[[], Path], most_bytes: int) -> None:
        super().__init__()
        self._new_file = new_file
        self._most = most_bytes
        self._file: BinaryIO | None = None
        self._trouble: Exception | None = None
        self._size = 0
        self.write(meta)

    def write(self, data: Any) -> int:
        """Take the next fragment."""
        self._size += len(data)
        if self._trouble is None:
            try:
                self._take(data)
            except OSError as error:
                self._trouble = error
        return len(data)

    def _take(self, data: bytes) -> None:
        if self._size > self._most:
            self._trouble = LimitExceeded(f"the object has more than max_object_bytes = {self._most} bytes")
        elif self._file is not None:
            self._file.write(data)
        elif self._size > _SPILL:
            path = self._new_file()
            self._file = path.open("x+b")
            path.unlink()  # the open file is all we need, and nothing is left behind whatever happens
            self._file.write(self.getbuffer())
            self._file.write(data)
        else:
            super().write(data)

    @property
    def is_large(self) -> bool:
        """Whether it went to a file."""
        return self._file is not None

    def part10(self) -> BinaryIO:
        """The whole object, from its start.

        Raises:
            LimitExceeded: it is too large.
            OSError: it could not be written.
        """
        if self._trouble is not None:
            raise self._trouble
        stream = self if self._file is None else self._file
        stream.seek(0)
        return stream

    def close(self) -> None:
        """Let the bytes go."""
        if self._file is not None:
            self._file.close()
        super().close()
