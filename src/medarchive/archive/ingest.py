"""Ingest: durable first, catalogued second, acknowledged third. Compression comes behind, from the job queue."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

from medarchive.archive.admission import Arrival, admit, same, twins
from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Row, Transaction
from medarchive.archive.group import Group, Task
from medarchive.archive.references import put_then
from medarchive.dicom.attributes import Indexed, extract
from medarchive.dicom.ours import is_our_report_file
from medarchive.dicom.part10 import DEFLATED, Header, read_header
from medarchive.dicom.refers import References, deflated_references, refers
from medarchive.errors import LimitExceeded, Mismatch, MissingIdentity, NotDicom

__all__ = ["Ingest", "Offer", "Stored"]

_SMALL = 1 << 20
"""Bytes up to which objects share syncs and a commit; a larger one would keep the others waiting."""
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an object. Either way it is durable and will be given back byte for byte.

    Attributes:
        uid: its SOP Instance UID.
        outcome: ``stored``, or ``duplicate`` where the same data set was here already.
        size: of the Part 10 file, in bytes.
        sha256: of the Part 10 file, in hexadecimal.
        study_uid: its Study Instance UID; "" where it has none.
    """

    uid: str
    outcome: Literal["stored", "duplicate"]
    size: int
    sha256: str
    study_uid: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An object that is to be stored: see the parameters of Archive.store. ``part10`` opens it, or raises."""

    part10: Callable[[], BinaryIO]
    source: str = ""
    expect: tuple[str, str] | None = None


class Ingest:
    """The way into the archive. Small objects that come at the same time become durable together."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, max_bytes: int, read_after: float | None = None) -> None:
        """Put the parts together.

        Args:
            catalog: where objects enter.
            blobs: where they become durable.
            max_bytes: the largest object.
            read_after: seconds without an arrival after which a series is read; None: none is.
        """
        self._read_after = read_after
        self._catalog = catalog
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._group: Group[_Incoming] = Group(self._keep_each, _TOGETHER)

    def store(self, part10: BinaryIO, *, source: str, expect: tuple[str, str] | None) -> Stored:
        """Make a Part 10 file durable and catalogue it. See Archive.store."""
        incoming = self._examined(part10, source, expect)
        return self._kept(incoming)

    def store_made(self, part10: BinaryIO, *, source: str) -> Stored:
        """The same of an object that was made here of a reading.

        What it says is no reason to keep anything: it does not count as referring to others.
        """
        incoming = self._examined(part10, source, None)
        incoming.made = True
        return self._kept(incoming)

    def _kept(self, incoming: "_Incoming") -> Stored:
        if incoming.size <= _SMALL:
            return cast("Stored", self._group.run(incoming))
        task = Task(incoming)
        self._keep_each([task])
        if task.error is not None:
            raise task.error
        return cast("Stored", task.value)

    def store_all(self, offers: Sequence[Offer]) -> list[Stored | Exception]:
        """Make several Part 10 files durable together and catalogue them. See Archive.store_all."""
        outcomes: dict[int, Stored | Exception] = {}
        tasks: dict[int, Task[_Incoming]] = {}
        for number, offer in enumerate(offers):
            try:
                tasks[number] = Task(self._examined(offer.part10(), offer.source, offer.expect))
            except Exception as error:  # noqa: BLE001  # it belongs to this offer, and the others go on
                outcomes[number] = error
        waiting = list(tasks.values())
        for first in range(0, len(waiting), _TOGETHER):
            self._keep_each(waiting[first : first + _TOGETHER])
        for number, task in tasks.items():
            outcomes[number] = cast("Stored", task.value) if task.error is None else _told(task.error)
        return [outcomes[number] for number in range(len(offers))]

    def _examined(self, part10: BinaryIO, source: str, expect: tuple[str, str] | None) -> "_Incoming":
        """What is to be kept.

        Raises:
            NotDicom, MissingIdentity, Mismatch, LimitExceeded: see Archive.store.
        """
        size = part10.seek(0, io.SEEK_END)
        if size > self._max_bytes:
            raise LimitExceeded(
                f"the object has {size} bytes, more than max_object_bytes = {self._max_bytes}; raise the setting"
            )
        part10.seek(0)
        header = read_header(part10)
        indexed = extract(header)
        return _Incoming(part10, header, indexed, _identified(header, indexed, expect), source)

    def _keep_each(self, tasks: Sequence[Task["_Incoming"]]) -> None:
        """Keep several objects; where one of them is in the way of the others, each alone."""
        tasks = self._new(tasks)
        if len(tasks) > 1:
            with contextlib.suppress(Exception):  # it will come again, to the caller that it belongs to
                kept = self._keep([task.item for task in tasks])
                for task, stored in zip(tasks, kept, strict=True):
                    task.value = stored
                return
        for task in tasks:
            try:
                task.value = self._keep([task.item])[0]
            except BaseException as error:  # noqa: BLE001  # it belongs to the caller that waits for this object
                task.error = error

    def _new(self, tasks: Sequence[Task["_Incoming"]]) -> list[Task["_Incoming"]]:
        """Those that are to be kept; the others, whose UIDs are here already, have their answer.

        A look without the write lock saves writing what is here; ``admit`` looks again under it.
        """
        new = []
        try:
            there = twins(self._catalog, [task.item.uid for task in tasks])
        except Exception as error:  # noqa: BLE001  # it belongs to all of them
            for task in tasks:
                task.error = error
            return []
        for task in tasks:
            if task.item.uid not in there:
                new.append(task)
                continue
            try:
                task.value = task.item.duplicate(there[task.item.uid])
            except BaseException as error:  # noqa: BLE001  # it belongs to the caller that waits for this object
                task.error = error
        return new

    def _keep(self, objects: Sequence["_Incoming"]) -> list[Stored]:
        """Make objects durable, then catalogue them in one transaction."""

        def put() -> list[BlobId]:
            for one in objects:
                one.rewind()
            return self._blobs.put_all([cast("BinaryIO", one) for one in objects])

        def change(transaction: Transaction, names: list[BlobId]) -> list[Stored]:
            arrivals = [one.arrival(name) for one, name in zip(objects, names, strict=True)]
            admitted = admit(transaction, self._blobs, arrivals, self._read_after)
            return [one.stored(name, new=new) for one, name, new in zip(objects, names, admitted, strict=True)]

        return put_then(self._catalog, put, change)


def _told(error: BaseException) -> Exception:
    """An error as an outcome; what is none of an object's, an interrupt, goes its own way."""
    if not isinstance(error, Exception):
        raise error
    return error


def _identified(header: Header, indexed: Indexed, expect: tuple[str, str] | None) -> str:
    """The object's SOP Instance UID, when it is what it should be.

    Raises:
        NotDicom, MissingIdentity, Mismatch: see Archive.store.
    """
    identity = (indexed.image["SOPClassUID"], indexed.image["SOPInstanceUID"])
    if not all(identity) and header.trouble:
        raise NotDicom(f"the data set cannot be read: {header.trouble}")
    if not all(identity):
        missing = "SOP Instance UID (0008,0018)" if identity[0] else "SOP Class UID (0008,0016)"
        raise MissingIdentity(f"the object has no {missing}: there is nothing to file it under")
    if expect is not None and expect != identity:
        raise Mismatch(f"announced as class {expect[0]}, instance {expect[1]}; it is {identity[0]}, {identity[1]}")
    return identity[1]


class _Incoming:
    """A Part 10 file on its way into the store, which hashes it as a whole; its data set is hashed here."""

    def __init__(self, part10: BinaryIO, header: Header, indexed: Indexed, uid: str, source: str) -> None:
        self.uid = uid
        self.made = False
        self.size = header.size
        self._stream = part10
        self._header = header
        self._indexed = indexed
        self._source = source
        self._study_uid = indexed.study["StudyInstanceUID"]
        self.rewind()

    def rewind(self) -> None:
        """Begin again."""
        self._stream.seek(0)
        self._dataset = hashlib.sha256()
        self._passed = 0
        kind = self._indexed.image["SOPClassUID"], self._indexed.series["Modality"]
        self._references = References() if refers(*kind) else None

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._dataset.update(memoryview(chunk)[max(self._header.dataset_offset - self._passed, 0) :])
        self._passed += len(chunk)
        if self._references is not None:
            self._references.feed(chunk)
        return chunk

    def duplicate(self, twin: Row) -> Stored:
        """Read it all, and find that it is what is here.

        Raises:
            Conflict: it is not.
        """
        self.rewind()
        whole = hashlib.sha256()
        while chunk := self.read(CHUNK):
            whole.update(chunk)
        same(twin, self.uid, whole.hexdigest(), self.dataset_sha256)
        return Stored(self.uid, "duplicate", self._passed, whole.hexdigest(), self._study_uid)

    @property
    def dataset_sha256(self) -> str:
        return self._dataset.hexdigest()

    def arrival(self, name: BlobId) -> Arrival:
        """What the catalogue is to know, when all of it has passed."""
        return Arrival(
            indexed=self._indexed,
            transfer_syntax=self._header.transfer_syntax,
            size=self._passed,
            sha256=name,
            dataset_offset=self._header.dataset_offset,
            dataset_sha256=self.dataset_sha256,
            source=self._source,
            blob=name,
            mentions=frozenset() if self.made else self._mentions(),
            made=self.made,
        )

    def _mentions(self) -> frozenset[str]:
        """The instances that it refers to, where it is of a kind that does, and no report of our own."""
        if self._references is None:
            return frozenset()
        if self._header.trouble == DEFLATED:
            return deflated_references(self._stream, self._header)
        if is_our_report_file(self._stream, self._indexed.image["SOPClassUID"]):
            return frozenset()
        return self._references.uids

    def stored(self, name: BlobId, *, new: bool) -> Stored:
        """What became of it."""
        return Stored(self.uid, "stored" if new else "duplicate", self._passed, name, self._study_uid)
