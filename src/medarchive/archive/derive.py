"""Derive: a version with loss of an instance becomes an instance of its own, beside it."""

import io
import time
from dataclasses import replace

from medarchive.archive import batches, jobs
from medarchive.archive.admission import Arrival, admit
from medarchive.archive.blobs import BlobId
from medarchive.archive.build import Builder, Built
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.decoded import Decoded
from medarchive.archive.derivations import note_derived, note_refused, settled
from medarchive.archive.eligible import guarded
from medarchive.archive.references import put_then
from medarchive.archive.retrieve import rebuild
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.errors import MayNotLose
from medarchive.policy import Rule, parse_rules
from medarchive.settings import Settings

__all__ = ["Deriver", "retire_at"]

_DAY = 86400.0


class Deriver:
    """Does ``derive`` jobs."""

    def __init__(
        self, settings: Settings, catalog: Catalog, decoded: Decoded, staging: Staging, builder: Builder
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._blobs = decoded.blobs
        self._staging = staging
        self._builder = builder

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
            built = self._builder.build(record, rule)
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
        columns = (
            "state",
            "form",
            "codec",
            "stored_bytes",
            "entry",
            "first_frame",
            "frames",
            "entry_frames",
            "max_error",
        )
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
        row = transaction.execute(_VISIBLE, (record.uid,))[0]
        note_derived(transaction, original.id, rule.what, row["id"], built.made.report)
        if record.state == "alone":
            jobs.enqueue(transaction, "group", row["series"], batches.PRIORITY, time.time() + self._settings.quiet)
        if not rule.keep_original:
            jobs.enqueue(transaction, "retire", original.series, batches.PRIORITY, retire_at(time.time(), rule))


def retire_at(derived_at: float, rule: Rule) -> float:
    """When an original may go, in seconds since 1970."""
    return derived_at + rule.grace_days * _DAY


_SETTLED = "SELECT 1 FROM derivation WHERE source = ? AND what = ?"
_VISIBLE = "SELECT id, series FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL"


def _refuse(transaction: Transaction, job: jobs.Job, record: InstanceRecord, rule: Rule, reason: str) -> None:
    jobs.finish(transaction, job)
    if transaction.execute("SELECT 1 FROM instance WHERE id = ? AND SOPInstanceUID = ?", (record.id, record.uid)):
        note_refused(transaction, record.id, rule.what, reason)
