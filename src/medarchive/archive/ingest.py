"""Ingest: durable first, catalogued second, acknowledged third. Compression comes behind, from the job queue."""

import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.archive.instances import Arrival, admit, known, stored_twin
from medarchive.archive.references import put_then
from medarchive.dicom.attributes import extract
from medarchive.dicom.part10 import read_header
from medarchive.errors import LimitExceeded, Mismatch, MissingIdentity, NotDicom

__all__ = ["Stored", "store"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an object. Either way it is durable and will be given back byte for byte.

    Attributes:
        uid: its SOP Instance UID.
        outcome: ``stored``, or ``duplicate`` where the same data set was here already.
        size: of the Part 10 file, in bytes.
        sha256: of the Part 10 file, in hexadecimal.
    """

    uid: str
    outcome: Literal["stored", "duplicate"]
    size: int
    sha256: str


def store(
    catalog: Catalog,
    blobs: BlobStore,
    part10: BinaryIO,
    *,
    source: str,
    expect: tuple[str, str] | None,
    max_bytes: int,
) -> Stored:
    """Make a Part 10 file durable and catalogue it. See Archive.store."""
    size = part10.seek(0, io.SEEK_END)
    if size > max_bytes:
        raise LimitExceeded(f"the object has {size} bytes, more than max_object_bytes = {max_bytes}; raise the setting")
    part10.seek(0)
    header = read_header(part10)
    indexed = extract(header)
    identity = (indexed.image["SOPClassUID"], indexed.image["SOPInstanceUID"])
    if not all(identity) and header.trouble:
        raise NotDicom(f"the data set cannot be read: {header.trouble}")
    if not all(identity):
        missing = "SOP Instance UID (0008,0018)" if identity[0] else "SOP Class UID (0008,0016)"
        raise MissingIdentity(f"the object has no {missing}: there is nothing to file it under")
    if expect is not None and expect != identity:
        raise Mismatch(f"announced as class {expect[0]}, instance {expect[1]}; it is {identity[0]}, {identity[1]}")

    passed = _TwoHashes(part10, header.dataset_offset)

    def put() -> list[BlobId]:
        nonlocal passed
        passed = _TwoHashes(part10, header.dataset_offset)
        return [blobs.put(cast("BinaryIO", passed))]

    def change(transaction: Transaction, names: list[BlobId]) -> bool:
        arrival = Arrival(
            indexed=indexed,
            transfer_syntax=header.transfer_syntax,
            size=passed.size,
            sha256=passed.sha256,
            dataset_offset=header.dataset_offset,
            dataset_sha256=passed.dataset_sha256,
            source=source,
            blob=names[0],
        )
        return admit(transaction, blobs, arrival)

    uid = identity[1]
    twin = stored_twin(catalog, uid)
    if twin:  # a look without the write lock saves writing what is here already; admit looks again under it
        while passed.read(CHUNK):
            pass
        if known(twin, uid, passed.sha256, passed.dataset_sha256):
            return Stored(uid, "duplicate", passed.size, passed.sha256)
    new = put_then(catalog, put, change)
    return Stored(uid, "stored" if new else "duplicate", passed.size, passed.sha256)


class _TwoHashes:
    """Reads a Part 10 file from its start; hashes the whole and, from an offset on, its data set."""

    def __init__(self, part10: BinaryIO, dataset_offset: int) -> None:
        part10.seek(0)
        self._stream = part10
        self._offset = dataset_offset
        self._whole, self._dataset = hashlib.sha256(), hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._whole.update(chunk)
        self._dataset.update(chunk[max(self._offset - self.size, 0) :])
        self.size += len(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        return self._whole.hexdigest()

    @property
    def dataset_sha256(self) -> str:
        return self._dataset.hexdigest()
