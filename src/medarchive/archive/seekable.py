"""Seekable: bytes that something can give from any position on, as a file."""

import io
from abc import abstractmethod

__all__ = ["Seekable"]


class Seekable(io.RawIOBase):
    """A file for reading, of a size that is known. What is derived from it says how its bytes are read."""

    def __init__(self, size: int) -> None:
        """``size`` in bytes."""
        self._size = size
        self._position = 0

    @abstractmethod
    def read_at(self, position: int, count: int) -> bytes:
        """Bytes from a position before the end on: so many, or fewer, but one at least."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer
        """Read at the position."""
        count = min(len(buffer), self._size - self._position)
        data = self.read_at(self._position, count) if count > 0 else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
