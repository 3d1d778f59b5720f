"""LocalStore: blobs in a directory, ``blobs/ab/<sha256>``."""

import contextlib
import errno
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from medarchive.archive.blobs import CHUNK, BlobId, Hashing, is_blob_id
from medarchive.archive.disk import Disk
from medarchive.archive.staging import Staging
from medarchive.archive.together import Together
from medarchive.errors import ArchiveBusy, BlobMissing

__all__ = ["LocalStore"]

_SIDE_BY_SIDE = 8
"""Threads that wait for the disk."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


class LocalStore:
    """A BlobStore on a file system that keeps POSIX's word about fsync and rename.

    A blob is written to the staging folder, synced, renamed to its name, and the directory synced. A crash leaves
    either no blob of that name or the whole one.
    """

    def __init__(self, root: Path, staging: Staging, disk: Disk) -> None:
        self._root = root
        self._folders = {f"{number:02x}": root / f"{number:02x}" for number in range(256)}
        self._staging = staging
        self._together = Together(_SIDE_BY_SIDE)
        self._disk = disk

    def prepare(self) -> None:
        """Make the folders that blobs go to, and make their names safe. The archive calls this before anything else.

        That they exist says nothing: a process may have died between making and syncing them.
        """
        self._disk.make_directory(self._root)
        self._disk.sync_directory(self._root.parent)
        for folder in self._folders.values():
            self._disk.make_directory(folder)
        self._disk.sync_directory(self._root)

    def close(self) -> None:
        """Let the threads go."""
        self._together.close()

    def put(self, stream: BinaryIO) -> BlobId:
        """See BlobStore.put."""
        return self.put_all([stream])[0]

    def put_all(self, streams: Sequence[BinaryIO]) -> list[BlobId]:
        """See BlobStore.put_all.

        The file system commits its journal for the first blob and its folder, and finds little left to do for the
        others, whose bytes are on their way already; all wait for the device at the same time.
        """
        paths = [self._staging.new() for _ in streams]
        try:
            with contextlib.ExitStack() as stack:
                files = [stack.enter_context(self._disk.create(path)) for path in paths]
                blobs = [_copy(stream, file) for stream, file in zip(streams, files, strict=True)]
                for file in files[1:]:
                    self._disk.begin_sync(file)
                self._together.run(self._disk.sync, files)
            targets = [self._path(blob) for blob in blobs]
            for path, target in zip(paths, targets, strict=True):
                self._disk.rename(path, target)
            self._together.run(self._disk.sync_directory, list({target.parent for target in targets}))
        except BaseException as error:
            for path in paths:
                self._disk.unlink(path)
            if isinstance(error, OSError) and error.errno in _FULL:
                raise ArchiveBusy(f"cannot write to {self._root}: {error.strerror}; nothing was stored") from error
            raise
        return blobs

    def open(self, blob: BlobId) -> BinaryIO:
        """See BlobStore.open."""
        return io.BufferedReader(_HashedFile(self._open(blob), blob), CHUNK)

    def read(self, blob: BlobId, offset: int, length: int) -> bytes:
        """See BlobStore.read."""
        with self._open(blob) as file:
            file.seek(offset)
            return file.read(length)

    def size(self, blob: BlobId) -> int:
        """See BlobStore.size."""
        return self._stat(blob).st_size

    def age(self, blob: BlobId, now: float) -> float:
        """See BlobStore.age."""
        return now - self._stat(blob).st_mtime

    def delete(self, blob: BlobId) -> None:
        """See BlobStore.delete."""
        self._disk.unlink(self._path(blob))

    def __contains__(self, blob: BlobId) -> bool:
        """See BlobStore.__contains__."""
        return self._path(blob).is_file()

    def __iter__(self) -> Iterator[BlobId]:
        """See BlobStore.__iter__."""
        for folder in self._disk.names(self._root):
            for name in self._disk.names(self._root / folder):
                if is_blob_id(name) and name.startswith(folder):
                    yield BlobId(name)

    def _path(self, blob: BlobId) -> Path:
        return self._folders[blob[:2]] / blob

    def _open(self, blob: BlobId) -> BinaryIO:
        try:
            return self._path(blob).open("rb", buffering=0)
        except FileNotFoundError:
            raise BlobMissing(f"blob {blob} is not in {self._root}; restore a copy") from None

    def _stat(self, blob: BlobId) -> os.stat_result:
        try:
            return self._path(blob).stat()
        except FileNotFoundError:
            raise BlobMissing(f"blob {blob} is not in {self._root}; restore a copy") from None


class _HashedFile(io.RawIOBase):
    """A blob's file under a BufferedReader: hashed from start to end."""

    def __init__(self, file: BinaryIO, blob: BlobId) -> None:
        self._file = file
        self._hashing = Hashing(file, blob)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer
        data = self._hashing.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _copy(stream: BinaryIO, file: BinaryIO) -> BlobId:
    """Write a stream to a file; its name."""
    hashed = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        hashed.update(chunk)
        _write_all(file, chunk)
    return BlobId(hashed.hexdigest())


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
