"""Derive: a version with loss of an instance becomes an instance of its own, beside it."""

import datetime as dt
import hashlib
import io
import time
from dataclasses import dataclass, replace
from typing import BinaryIO

from medarchive.archive import jobs, lossy
from medarchive.archive.admission import Arrival, admit
from medarchive.archive.blobs import CHUNK, BlobId
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.decoded import Decoded
from medarchive.archive.derivations import note_derived, note_refused, settled
from medarchive.archive.eligible import guarded
from medarchive.archive.references import put_then
from medarchive.archive.retrieve import rebuild
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.dicom.attributes import Indexed, extract
from medarchive.dicom.derive import Loss, derived_uid, write_derived
from medarchive.dicom.instance_blob import split
from medarchive.dicom.part10 import read_header
from medarchive.dicom.recipe import Verbatim
from medarchive.dicom.source import open_source
from medarchive.errors import MayNotLose
from medarchive.policy import Rule, parse_rules
from medarchive.settings import Settings

__all__ = ["Built", "Deriver", "retire_at"]

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Built:
    """A derived instance that nobody has stored yet.

    Attributes:
        header: its header blob.
        made: its pixels.
        indexed: what the catalogue indexes of it.
        record: how it would be kept; blobs, row and series are still its original's.
    """

    header: bytes
    made: lossy.Made
    indexed: Indexed
    record: InstanceRecord

    @property
    def bytes(self) -> int:
        """What it takes to keep it."""
        return len(self.header) + len(self.made.container)


class Deriver:
    """Makes versions with loss."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        decoded: Decoded,
        staging: Staging,
        smallest: lossy.Smallest | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._decoded = decoded
        self._blobs = decoded.blobs
        self._staging = staging
        self._smallest = smallest

    def opened(self, record: InstanceRecord) -> BinaryIO:
        """An instance's file, compared with its hash. The caller closes it."""
        with Spool(self._staging, self._settings.max_memory_bytes) as spool:
            rebuild(self._decoded, record, spool)
            return spool.finished()

    def build(self, record: InstanceRecord, rule: Rule) -> Built:
        """Make the derived instance, and keep nothing.

        Raises:
            MayNotLose: nothing may be lost of this instance.
            CodecError: what was encoded did not pass the proof.
            BlobMissing, BlobCorrupt: the original cannot be read.
        """
        settings = self._settings
        with self.opened(record) as file:
            source = open_source(file)
        made = lossy.encode(
            source.image,
            rule,
            rescale=(source.slope, source.intercept),
            codecs=settings.codecs,
            effort=settings.effort,
            workers=settings.workers,
            smallest=self._smallest,
        )
        uid = derived_uid(record.uid, record.dataset_sha256, rule.what)
        ratio = source.recipe.body_bytes / len(made.container)
        description = f"Lossy compression, {rule.what}: {made.description}; ratio {ratio:.4g}"
        loss = Loss(rule.what, made.method, description, ratio)
        before, behind = write_derived(source, made.image, loss, uid, dt.datetime.now().astimezone())
        with Spool(self._staging, settings.max_memory_bytes) as spool:
            spool.write(before)
            for data in source.recipe.data([made.image]):
                spool.write(data)
            spool.write(behind)
            size, sha256 = spool.size, spool.sha256
            with spool.finished() as file:
                return self._described(file, made, replace(record, uid=uid, size=size, sha256=sha256))

    def _described(self, file: BinaryIO, made: lossy.Made, record: InstanceRecord) -> Built:
        """Split the derived file, whose frames are in the container already."""
        header = read_header(file)
        indexed = extract(header)
        parts = split(file)
        if isinstance(parts, Verbatim):
            raise MayNotLose(f"its derived version cannot be taken apart: {parts}")
        file.seek(header.dataset_offset)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        kept = replace(
            record,
            transfer_syntax=header.transfer_syntax,
            dataset_offset=header.dataset_offset,
            dataset_sha256=digest.hexdigest(),
            state="kept",
            form="split",
            codec=made.codec,
            reason="",
            stored_bytes=len(parts.header) + len(made.container),
            entry=0,
            first_frame=0,
            frames=len(parts.frames),
            entry_frames=len(parts.frames),
            tried="",
        )
        return Built(parts.header, made, indexed, kept)

    def derive(self, job: jobs.Job, record: InstanceRecord | None) -> Compressed:
        """Do a ``derive`` job: make the version, prove it, and catalogue it beside its original.

        Raises:
            BlobCorrupt: it did not come back from the store as it was made.
        """
        rule = parse_rules(job.options)[0]
        if record is None or self._catalog.read(_SETTLED, (record.id, rule.what)):
            return self._ended(job, record)
        reason = guarded(self._catalog.read, record.id, record.uid)
        if reason:
            return self._ended(job, record)
        try:
            built = self.build(record, rule)
        except MayNotLose as error:
            reason = str(error)
            self._catalog.write(lambda transaction: _refuse(transaction, job, record, rule, reason))
            return Compressed("derive", job.target, record.uid, "none", 1, record.size, record.stored_bytes, 0)
        put_then(
            self._catalog,
            lambda: self._put(built),
            lambda transaction, names: self._admit(transaction, job, record, rule, (built, names)),
        )
        kept = built.record.stored_bytes
        return Compressed(
            "derive", job.target, built.record.uid, built.made.codec, 1, record.size, record.stored_bytes, kept
        )

    def _ended(self, job: jobs.Job, record: InstanceRecord | None) -> Compressed:
        self._catalog.write(lambda transaction: jobs.finish(transaction, job))
        return Compressed("derive", job.target, record.uid if record else "")

    def _put(self, built: Built) -> list[BlobId]:
        """Put header blob and container, and give the derived instance back from them, as they are in the store now."""
        names = self._blobs.put_all([io.BytesIO(built.header), io.BytesIO(built.made.container)])
        with Spool(self._staging, self._settings.max_memory_bytes) as spool:
            rebuild(Decoded(self._blobs), replace(built.record, blob=names[0], container=names[1]), spool)
            spool.close()
        return names

    def _admit(
        self,
        transaction: Transaction,
        job: jobs.Job,
        original: InstanceRecord,
        rule: Rule,
        new: tuple[Built, list[BlobId]],
    ) -> None:
        """Catalogue it and link it to its original, if that may still lose something and is there."""
        jobs.finish(transaction, job)
        there = "SELECT 1 FROM instance WHERE id = ? AND SOPInstanceUID = ? AND hidden_at IS NULL"
        if not transaction.execute(there, (original.id, original.uid)) or settled(transaction, original.id, rule.what):
            return
        if guarded(transaction.execute, original.id, original.uid):
            return
        (built, names), record = new, new[0].record
        columns = ("state", "form", "codec", "stored_bytes", "entry", "first_frame", "frames", "entry_frames")
        arrival = Arrival(
            indexed=built.indexed,
            transfer_syntax=record.transfer_syntax,
            size=record.size,
            sha256=record.sha256,
            dataset_offset=record.dataset_offset,
            dataset_sha256=record.dataset_sha256,
            source=original.source,
            blob=names[0],
            kept={name: getattr(record, name) for name in columns} | {"container": names[1]},
        )
        admit(transaction, self._blobs, [arrival])
        derived = transaction.execute(_VISIBLE, (record.uid,))[0]["id"]
        note_derived(transaction, original.id, rule.what, derived, built.made.report)
        if not rule.keep_original:
            jobs.enqueue(transaction, "retire", original.series, -1, retire_at(time.time(), rule))


def retire_at(derived_at: float, rule: Rule) -> float:
    """When an original may go, in seconds since 1970."""
    return derived_at + rule.grace_days * _DAY


_SETTLED = "SELECT 1 FROM derivation WHERE source = ? AND what = ?"
_VISIBLE = "SELECT id FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL"


def _refuse(transaction: Transaction, job: jobs.Job, record: InstanceRecord, rule: Rule, reason: str) -> None:
    jobs.finish(transaction, job)
    if transaction.execute("SELECT 1 FROM instance WHERE id = ? AND SOPInstanceUID = ?", (record.id, record.uid)):
        note_refused(transaction, record.id, rule.what, reason)
