"""Compress: an instance that is durable gets its final form. The old blob goes only after the new ones gave it back."""

import contextlib
import io
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import zstandard

from medarchive.archive import batches, jobs
from medarchive.archive.blobs import CHUNK, BlobId
from medarchive.archive.catalog import Catalog, Form, InstanceRecord, State, Transaction
from medarchive.archive.decoded import Decoded
from medarchive.archive.former import remember
from medarchive.archive.how import How
from medarchive.archive.references import hold, put_then, release
from medarchive.archive.retrieve import BlobReader, rebuild
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.codecs import verified
from medarchive.dicom.instance_blob import split
from medarchive.dicom.recipe import Verbatim
from medarchive.errors import CodecError
from medarchive.settings import Settings

__all__ = ["Compressed", "Compressor"]

LOGGER = logging.getLogger(__name__)

_WORTH = 0.99
"""A verbatim file is stored compressed only where that saves at least a hundredth."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """What one job came to.

    Attributes:
        kind: of the job.
        target: row number of the instance or series, or number of the batch.
        uid: SOP Instance UID, the first of a batch; empty where there was nothing to do.
        codec: what holds the pixels now; ``zstd`` or ``none`` where the file is kept verbatim.
        instances: how many it is about.
        bytes_in: size of their Part 10 files.
        bytes_before: what was kept for them.
        bytes_kept: size of what is kept for them.
        error: why the attempt failed, empty where it did not; the instances are then kept as they were.
    """

    kind: jobs.Kind
    target: int
    uid: str = ""
    codec: str = ""
    instances: int = 0
    bytes_in: int = 0
    bytes_before: int = 0
    bytes_kept: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Result:
    """The final form, in files of the staging folder."""

    state: State
    form: Form
    codec: str
    reason: str
    frames: int
    files: tuple[Path, ...]


class Compressor:
    """Encodes instances one by one: when they have arrived, and again when a person asks for it."""

    def __init__(self, settings: Settings, catalog: Catalog, decoded: Decoded, staging: Staging) -> None:
        self._settings = settings
        self._catalog = catalog
        self._decoded = decoded
        self._blobs = decoded.blobs
        self._staging = staging

    def compress(self, job: jobs.Job, record: InstanceRecord, how: How) -> Compressed:
        """Do a ``compress`` job."""
        result = self._encoded(record, how)
        try:
            size = sum(path.stat().st_size for path in result.files) if result else 0
            if result is None or (how.again and (result.form == "raw" or size >= record.stored_bytes)):
                kept = self._catalog.write(lambda transaction: _leave(transaction, job, record, how))
                return Compressed("compress", job.target, record.uid, record.codec, 1, record.size, kept, kept)
            if result.form == "raw":
                new = _kept_as(record, result, how, [record.blob], record.size)
                kept = self._catalog.write(lambda transaction: self._settle(transaction, job, record, new))
            else:
                kept = put_then(
                    self._catalog,
                    lambda: self._put(record, result, how),
                    lambda transaction, names: self._swap(
                        transaction, job, record, _kept_as(record, result, how, names, size), how
                    ),
                )
        finally:
            _remove(result)
        before = record.stored_bytes
        return Compressed("compress", job.target, record.uid, result.codec, 1, record.size, before, kept)

    def measure(self, record: InstanceRecord, how: How) -> int:
        """What an instance would come to, in bytes. Keeps nothing."""
        result = self._encoded(record, how)
        try:
            files = result.files if result else ()
            return sum(path.stat().st_size for path in files) or record.stored_bytes
        finally:
            _remove(result)

    def _encoded(self, record: InstanceRecord, how: How) -> _Result | None:
        """The final form; None where no codec that a person asked for can make it."""
        with self._original(record) as stream:
            try:
                return self._final_form(stream, record, how)
            except CodecError as error:
                if not how.again:
                    raise
                LOGGER.warning("instance %s stays as it is: %s", record.uid, error)
                return None

    def _original(self, record: InstanceRecord) -> BinaryIO:
        """The file as it was received, seekable."""
        if record.form == "raw":
            return io.BufferedReader(BlobReader(self._blobs, record.blob), CHUNK)
        with Spool(self._staging, self._settings.max_memory_bytes) as spool:
            rebuild(self._decoded, record, spool)
            return spool.finished()

    def _final_form(self, stream: BinaryIO, record: InstanceRecord, how: How) -> _Result:
        """Split and encode, or compress verbatim, into files of the staging folder."""
        parts = split(stream)
        if isinstance(parts, Verbatim):
            return self._verbatim(stream, record, str(parts), how)
        waits = len(parts.frames) == 1 and not how.again and bool(how.together)
        header, container = self._staging.new(), self._staging.new()
        try:
            with container.open("x+b") as out:
                codecs = how.alone if waits else how.codecs
                kept = verified.encode(
                    [parts.frames],
                    out,
                    codecs=codecs,
                    max_error=record.max_error,
                    effort=how.effort,
                    workers=self._settings.workers,
                )
        except BaseException:
            container.unlink(missing_ok=True)
            raise
        header.write_bytes(parts.header)
        return _Result("alone" if waits else "kept", "split", kept.codec, "", len(parts.frames), (header, container))

    def _verbatim(self, stream: BinaryIO, record: InstanceRecord, reason: str, how: How) -> _Result:
        path = self._staging.new()
        compressor = zstandard.ZstdCompressor(level=9 if how.effort < 8 else 19, write_checksum=True)
        stream.seek(0)
        with path.open("xb") as out:
            compressor.copy_stream(stream, out, size=record.size)
        if path.stat().st_size > _WORTH * record.size:
            path.unlink()
            return _Result("kept", "raw", "none", reason, 0, ())
        return _Result("kept", "zstd", "zstd", reason, 0, (path,))

    def _put(self, record: InstanceRecord, result: _Result, how: How) -> list[BlobId]:
        """Put the new blobs and give the instance back from them, as they are now in the store.

        Raises:
            BlobCorrupt: what came back is not what was received. The old blob stays.
        """
        with contextlib.ExitStack() as stack:
            names = self._blobs.put_all([stack.enter_context(path.open("rb")) for path in result.files])
        with Spool(self._staging, self._settings.max_memory_bytes) as spool:
            rebuild(Decoded(self._blobs), _kept_as(record, result, how, names, 0), spool)
            spool.close()
        return names

    def _swap(
        self, transaction: Transaction, job: jobs.Job, record: InstanceRecord, new: InstanceRecord, how: How
    ) -> int:
        """Make the new form the instance's form, if the instance is still there and as it was."""
        if how.again and _unchanged(transaction, record):
            remember(transaction, record)
        kept = self._settle(transaction, job, record, new)
        if kept:
            for name in (new.blob, new.container):
                if name is not None:
                    hold(transaction, self._blobs, name)
            for name in () if how.again else (record.blob, record.container):
                if name is not None:
                    release(transaction, name)
            if record.shared and record.container:
                batches.mend(transaction, record.container)
        return kept

    def _settle(self, transaction: Transaction, job: jobs.Job, record: InstanceRecord, new: InstanceRecord) -> int:
        """Write a form into the catalogue and end the job; 0 where the instance was deleted or done meanwhile."""
        jobs.finish(transaction, job)
        if not _unchanged(transaction, record):
            return 0
        transaction.execute(
            "UPDATE instance SET state = ?, form = ?, codec = ?, reason = ?, stored_bytes = ?, blob = ?, "
            "container = ?, entry = ?, first_frame = ?, frames = ?, entry_frames = ?, tried = ? WHERE id = ?",
            (
                *(new.state, new.form, new.codec, new.reason, new.stored_bytes, new.blob, new.container),
                *(new.entry, new.first_frame, new.frames, new.entry_frames, new.tried, new.id),
            ),
        )
        if new.state == "alone":
            row = transaction.execute("SELECT last_arrival FROM series WHERE id = ?", (record.series,))[0]
            quiet = row["last_arrival"] + self._settings.quiet
            jobs.enqueue(transaction, "group", record.series, batches.PRIORITY, run_after=quiet)
        return new.stored_bytes


def _remove(result: _Result | None) -> None:
    for path in result.files if result else ():
        path.unlink(missing_ok=True)


def _kept_as(record: InstanceRecord, result: _Result, how: How, names: list[BlobId], size: int) -> InstanceRecord:
    """The record as it will be when its new form is in force."""
    return replace(
        record,
        state=result.state,
        form=result.form,
        codec=result.codec,
        reason=result.reason,
        blob=names[0],
        container=names[1] if len(names) > 1 else None,
        entry=0,
        first_frame=0,
        frames=result.frames,
        entry_frames=result.frames,
        stored_bytes=size,
        tried=how.name if result.state == "kept" else "",
    )


def _unchanged(transaction: Transaction, record: InstanceRecord) -> bool:
    """Whether an instance is visible and where it was."""
    sql = "SELECT 1 FROM instance WHERE id = ? AND state = ? AND hidden_at IS NULL AND blob = ? AND container IS ?"
    return bool(transaction.execute(sql, (record.id, record.state, record.blob, record.container)))


def _leave(transaction: Transaction, job: jobs.Job, record: InstanceRecord, how: How) -> int:
    """What was tried again is not smaller: it stays as it is."""
    jobs.finish(transaction, job)
    transaction.execute("UPDATE instance SET tried = ? WHERE id = ?", (how.name, record.id))
    if record.shared and record.container:
        batches.mend(transaction, record.container)
    return record.stored_bytes
