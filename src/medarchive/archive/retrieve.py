"""Retrieve: an instance's file, rebuilt from what is kept and compared with its hash before anyone sees it."""

from collections.abc import Callable
from typing import BinaryIO, TypeVar

import zstandard

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.archive.instances import by_uid
from medarchive.archive.seekable import Seekable
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.dicom.frames import file_frame, split_frame
from medarchive.dicom.instance_blob import join
from medarchive.errors import BlobCorrupt, BlobMissing, MedarchiveError
from medarchive.image import Image

__all__ = ["BlobReader", "current", "frame", "rebuild", "restorer"]

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


def rebuild(decoded: Decoded, record: InstanceRecord, spool: Spool) -> None:
    """Write an instance's Part 10 file, as it was received, into a spool.

    Raises:
        BlobCorrupt: a blob changed, or what came of it is not what was received. The spool's content is worthless then.
        BlobMissing: a blob is not in the store.
    """
    try:
        with decoded.blobs.open(record.blob) as stream:
            if record.form == "split":
                join(stream.read(), decoded.frames(record), spool)
            else:
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


def frame(decoded: Decoded, record: InstanceRecord, index: int, whole: Callable[[], BinaryIO]) -> Image:
    """One decoded frame; of a codec container only the stream that holds it is read.

    Args:
        decoded: where frames come from.
        record: the instance.
        index: from 0.
        whole: opens the instance's file, for instances that are not in a container.
    """
    if record.form != "split" or record.container is None:
        with whole() as stream:
            return file_frame(stream, index)
    with decoded.blobs.open(record.blob) as stream:
        header = stream.read()
    return split_frame(header, lambda i: decoded.one(record, i), index)


def restorer(blobs: BlobStore, staging: Staging, max_memory: int) -> Callable[[InstanceRecord], None]:
    """Gives an instance back from what is in the store now, and throws it away; or raises as ``rebuild``."""
    decoded = Decoded(blobs)

    def restore(record: InstanceRecord) -> None:
        with Spool(staging, max_memory) as spool:
            rebuild(decoded, record, spool)
            spool.close()

    return restore


def _names(record: InstanceRecord) -> str:
    return f"blob {record.blob}" + (f" and {record.container}" if record.container else "")


class BlobReader(Seekable):
    """A blob as a seekable file. What is read through it is not hashed: the caller proves what becomes of it."""

    def __init__(self, blobs: BlobStore, blob: BlobId) -> None:
        super().__init__(blobs.size(blob))
        self._blobs = blobs
        self._blob = blob

    @property
    def name(self) -> str:
        """The blob's name; pydicom asks a file for one."""
        return self._blob

    def read_at(self, position: int, count: int) -> bytes:
        """Read from the store."""
        return self._blobs.read(self._blob, position, count)
