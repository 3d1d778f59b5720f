"""Retrieve: an instance's file, rebuilt from what is kept and compared with its hash before anyone sees it."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

import zstandard

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord
from medarchive.archive.instances import by_uid
from medarchive.archive.spool import Spool
from medarchive.codecs.container import Container
from medarchive.dicom.frames import file_frame, split_frame
from medarchive.dicom.instance_blob import join
from medarchive.errors import BlobCorrupt, BlobMissing, CorruptStream, MedarchiveError
from medarchive.image import Image

__all__ = ["current", "frame", "rebuild"]

T = TypeVar("T")


def current(catalog: Catalog, uid: str, use: Callable[[InstanceRecord], T]) -> T:
    """Do something with an instance's record; where a blob is gone because it was swapped meanwhile, look again.

    Raises:
        NotFound: no such instance.
        BlobMissing: the blob is gone and the catalogue still names it.
    """
    record = by_uid(catalog, uid)
    while True:
        try:
            return use(record)
        except BlobMissing:
            again = by_uid(catalog, uid)
            if (again.blob, again.container) == (record.blob, record.container):
                raise
            record = again


def rebuild(blobs: BlobStore, record: InstanceRecord, spool: Spool) -> None:
    """Write an instance's Part 10 file, as it was received, into a spool.

    Raises:
        BlobCorrupt: a blob changed, or what came of it is not what was received. The spool's content is worthless then.
        BlobMissing: a blob is not in the store.
    """
    try:
        if record.form == "split":
            _rejoin(blobs, record, spool)
        else:
            with blobs.open(record.blob) as stream:
                source = stream if record.form == "raw" else zstandard.ZstdDecompressor().stream_reader(stream)
                while chunk := source.read(CHUNK):
                    if spool.size + len(chunk) > record.size:
                        break  # longer than what was received: the hash below says so
                    spool.write(chunk)
                else:
                    stream.read()  # to the end of the blob, where its hash is compared
    except (BlobMissing, BlobCorrupt):
        raise
    except (MedarchiveError, zstandard.ZstdError) as error:
        raise BlobCorrupt(f"instance {record.uid}: {_names(record)} cannot be decoded: {error}") from error
    if (spool.size, spool.sha256) != (record.size, record.sha256):
        raise BlobCorrupt(
            f"instance {record.uid}: {_names(record)} gives {spool.size} bytes with SHA-256 {spool.sha256}, "
            f"received were {record.size} with {record.sha256}; nothing was returned, restore a copy"
        )


def frame(blobs: BlobStore, record: InstanceRecord, index: int, whole: Callable[[], BinaryIO]) -> Image:
    """One decoded frame; of a codec container only the stream that holds it is read.

    Args:
        blobs: where the blobs are.
        record: the instance.
        index: from 0.
        whole: opens the instance's file, for instances that are not in a container.
    """
    if record.form != "split" or record.container is None:
        with whole() as stream:
            return file_frame(stream, index)
    container = record.container
    with blobs.open(record.blob) as stream:
        header = stream.read()
    opened = Container.open(lambda offset, length: blobs.read(container, offset, length), blobs.size(container))
    return split_frame(header, lambda i: opened.frames(record.entry, i, i + 1), index)


def _rejoin(blobs: BlobStore, record: InstanceRecord, spool: Spool) -> None:
    with blobs.open(record.blob) as stream:
        header = stream.read()
    assert record.container is not None
    container = _proven(blobs, record.container)
    if record.entry >= len(container.entries):
        raise CorruptStream(f"the container has {len(container.entries)} entries, entry {record.entry} is asked for")

    def frames() -> Iterator[Image]:
        for index in range(container.entries[record.entry].spec.frames):
            yield container.frames(record.entry, index, index + 1)

    join(header, frames(), spool)


_IN_MEMORY = 32 << 20


def _proven(blobs: BlobStore, blob: BlobId) -> Container:
    """A container whose every byte has been hashed: in memory where it is small, in a pass before where it is not."""
    size = blobs.size(blob)
    with blobs.open(blob) as stream:
        if size <= _IN_MEMORY:
            data = stream.read()
            return Container.open(lambda offset, length: data[offset : offset + length], len(data))
        while stream.read(CHUNK):
            pass
    return Container.open(lambda offset, length: blobs.read(blob, offset, length), size)


def _names(record: InstanceRecord) -> str:
    return f"blob {record.blob}" + (f" and {record.container}" if record.container else "")


class BlobReader(io.RawIOBase):
    """A blob as a seekable file. What is read through it is not hashed: the caller proves what becomes of it."""

    def __init__(self, blobs: BlobStore, blob: BlobId) -> None:
        self._blobs = blobs
        self._blob = blob
        self._size = blobs.size(blob)
        self._position = 0

    @property
    def name(self) -> str:
        """The blob's name; pydicom asks a file for one."""
        return self._blob

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
        data = self._blobs.read(self._blob, self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
