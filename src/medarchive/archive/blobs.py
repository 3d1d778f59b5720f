"""BlobStore: where bytes live. Write-once objects, named by the SHA-256 of what they hold."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NewType, Protocol

from medarchive.errors import BlobCorrupt

__all__ = ["CHUNK", "BlobId", "BlobStore", "Hashing", "is_blob_id"]

BlobId = NewType("BlobId", str)
"""64 lower-case hexadecimal digits: the SHA-256 of the blob's bytes."""

CHUNK = 1 << 20
"""Bytes that pass through memory at a time."""


class BlobStore(Protocol):
    """Write-once objects named by what they hold. Any number of processes may share one store."""

    def put(self, stream: BinaryIO) -> BlobId:
        """Store the rest of a stream; when this returns, the blob survives a power cut.

        Never trusts that a blob of this name is there already: the collector of another process may be about to
        unlink it, so the bytes are written in any case.

        Raises:
            ArchiveBusy: the store is full or refuses writes.
        """
        ...

    def put_all(self, streams: Sequence[BinaryIO]) -> list[BlobId]:
        """Store several streams, which costs less than one by one; when this returns, all of them are safe.

        Raises:
            ArchiveBusy: as ``put``; of none of them can then be said that it is there.
        """
        ...

    def open(self, blob: BlobId) -> BinaryIO:
        """Open a blob for reading from its start to its end, hashed on the way.

        Raises:
            BlobMissing: at once. Reading raises BlobCorrupt instead of the last bytes where the hash disagrees.
        """
        ...

    def read(self, blob: BlobId, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset``. Nothing is hashed: the caller proves what it reads.

        Raises:
            BlobMissing: no such blob.
        """
        ...

    def size(self, blob: BlobId) -> int:
        """The blob's size in bytes.

        Raises:
            BlobMissing: no such blob.
        """
        ...

    def age(self, blob: BlobId, now: float) -> float:
        """Seconds from the last ``put`` of this blob to ``now``.

        Raises:
            BlobMissing: no such blob.
        """
        ...

    def delete(self, blob: BlobId) -> None:
        """Unlink a blob; one that is not there is no error. Called by the collector alone."""
        ...

    def __contains__(self, blob: BlobId) -> bool:
        """Whether the blob is there now."""
        ...

    def __iter__(self) -> Iterator[BlobId]:
        """Every blob in the store, in no order."""
        ...


class Hashing:
    """A reader that hashes what passes; compares with ``expected`` before it hands out the last bytes."""

    def __init__(self, stream: BinaryIO, expected: BlobId | None = None) -> None:
        self._stream = stream
        self._expected = expected
        self._hash = hashlib.sha256()
        self._ahead = b""
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes; fewer than asked for only at the end.

        Raises:
            BlobCorrupt: the end is reached and the hash is not the expected one; the last bytes are withheld.
        """
        if size == 0:
            return b""
        while not self._ended and (size < 0 or len(self._ahead) <= size):
            chunk = self._stream.read(CHUNK if size < 0 else max(size + 1 - len(self._ahead), 1))
            self._hash.update(chunk)
            self._ahead += chunk
            if not chunk:
                self._ended = True
                if self._expected is not None and self.digest != self._expected:
                    self._ahead = b""
                    raise BlobCorrupt(f"blob {self._expected}: its bytes now hash to {self.digest}; restore a copy")
        if size < 0:
            size = len(self._ahead)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    @property
    def digest(self) -> BlobId:
        """The SHA-256 of what was read so far, in hexadecimal."""
        return BlobId(self._hash.hexdigest())


def is_blob_id(name: str) -> bool:
    """Whether a name is one that a blob could have."""
    return len(name) == 64 and all(letter in "0123456789abcdef" for letter in name)
