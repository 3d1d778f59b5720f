"""Compress: an instance that is durable gets its final form. The old blob goes only after the new ones gave it back."""

import contextlib
import io
import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from medarchive.archive import jobs
from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import Catalog, Form, InstanceRecord, Transaction
from medarchive.archive.instances import by_id
from medarchive.archive.references import hold, put_then, release
from medarchive.archive.retrieve import BlobReader, rebuild
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.codecs import verified
from medarchive.dicom.instance_blob import split
from medarchive.dicom.recipe import Verbatim
from medarchive.errors import MedarchiveError
from medarchive.settings import Settings

__all__ = ["Compressed", "Compressor"]

_ZSTD_LEVEL = 9
_WORTH = 0.99
"""A verbatim file is stored compressed only where that saves at least a hundredth."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """What one job came to.

    Attributes:
        instance: row number of the instance.
        uid: its SOP Instance UID, empty where it was gone.
        codec: what holds its pixels now; ``zstd`` or ``none`` where the file is kept verbatim.
        bytes_in: size of the Part 10 file.
        bytes_kept: size of what is kept for it.
        error: why the attempt failed, empty where it did not; the instance is then kept as it was.
    """

    instance: int
    uid: str
    codec: str
    bytes_in: int
    bytes_kept: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Result:
    """The final form, in files of the staging folder."""

    form: Form
    codec: str
    reason: str
    files: tuple[Path, ...]


class Compressor:
    """Runs compress jobs, one at a time; several may run in threads and processes beside each other."""

    def __init__(self, settings: Settings, catalog: Catalog, blobs: BlobStore, staging: Staging) -> None:
        self._settings = settings
        self._catalog = catalog
        self._blobs = blobs
        self._staging = staging
        self._owner = f"{os.uname().nodename}:{os.getpid()}:{time.monotonic_ns()}"

    def run(self, up_to: int | None = None) -> Compressed | None:
        """Take the next job and do it; None where there is none to take."""
        settings = self._settings
        owner = f"{self._owner}:{threading.get_ident()}"
        job = jobs.lease(self._catalog, owner, settings.lease, settings.attempts, up_to)
        if job is None:
            return None
        record = by_id(self._catalog, job.target)
        if record is None or record.state == "kept":
            self._catalog.write(lambda transaction: jobs.finish(transaction, job))
            return Compressed(job.target, "", "", 0, 0)
        try:
            with _Heartbeat(self._catalog, job, settings.lease):
                return self._compress(job, record)
        except (MedarchiveError, OSError, MemoryError, ArithmeticError, LookupError, ValueError) as error:
            # Whatever a strange object does to a codec, it costs this job and nothing else.
            jobs.fail(self._catalog, job, f"{type(error).__name__}: {error}", settings.attempts)
            return Compressed(job.target, record.uid, "", record.size, record.size, str(error) or type(error).__name__)

    def _compress(self, job: jobs.Job, record: InstanceRecord) -> Compressed:
        result = self._final_form(record)
        try:
            if result.form == "raw":
                kept = self._catalog.write(lambda transaction: _settle(transaction, job, record, result, record.size))
            else:
                kept = put_then(
                    self._catalog,
                    lambda: self._put(record, result),
                    lambda transaction, names: self._swap(transaction, job, record, result, names),
                )
        finally:
            for path in result.files:
                path.unlink(missing_ok=True)
        return Compressed(job.target, record.uid, result.codec, record.size, kept)

    def _final_form(self, record: InstanceRecord) -> _Result:
        """Split and encode, or compress verbatim, into files of the staging folder."""
        with io.BufferedReader(BlobReader(self._blobs, record.blob), CHUNK) as stream:
            parts = split(stream)
            if isinstance(parts, Verbatim):
                return self._verbatim(record, str(parts))
            header, container = self._staging.new(), self._staging.new()
            with container.open("x+b") as out:
                kept = verified.encode(
                    [parts.frames],
                    out,
                    codecs=self._settings.codecs,
                    effort=self._settings.effort,
                    workers=self._settings.workers,
                )
            header.write_bytes(parts.header)
            return _Result("split", kept.codec, "", (header, container))

    def _verbatim(self, record: InstanceRecord, reason: str) -> _Result:
        path = self._staging.new()
        compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        with self._blobs.open(record.blob) as stream, path.open("xb") as out:
            compressor.copy_stream(stream, out, size=record.size)
        if path.stat().st_size > _WORTH * record.size:
            path.unlink()
            return _Result("raw", "none", reason, ())
        return _Result("zstd", "zstd", reason, (path,))

    def _put(self, record: InstanceRecord, result: _Result) -> list[BlobId]:
        """Put the new blobs and give the instance back from them, as they are now in the store.

        Raises:
            BlobCorrupt: what came back is not what was received. The old blob stays.
        """
        with contextlib.ExitStack() as stack:
            names = self._blobs.put_all([stack.enter_context(path.open("rb")) for path in result.files])
        with Spool(self._staging, self._settings.max_memory_bytes) as spool:
            rebuild(self._blobs, _kept_as(record, result, names), spool)
            spool.close()
        return names

    def _swap(
        self, transaction: Transaction, job: jobs.Job, record: InstanceRecord, result: _Result, names: list[BlobId]
    ) -> int:
        """Make the new form the instance's form, if the instance is still there and as it was."""
        size = sum(self._blobs.size(name) for name in names)
        settled = _settle(transaction, job, _kept_as(record, result, names), result, size, record.blob)
        if settled:
            for name in names:
                hold(transaction, self._blobs, name)
            release(transaction, record.blob)
        return settled


def _kept_as(record: InstanceRecord, result: _Result, names: list[BlobId]) -> InstanceRecord:
    """The record as it will be when its new form is in force."""
    container = names[1] if len(names) > 1 else None
    return replace(record, form=result.form, codec=result.codec, blob=names[0], container=container, entry=0)


def _settle(
    transaction: Transaction, job: jobs.Job, record: InstanceRecord, result: _Result, size: int, old: str | None = None
) -> int:
    """Write the final form into the catalogue and end the job; 0 where the instance was deleted or done meanwhile."""
    jobs.finish(transaction, job)
    rows = transaction.execute(
        "UPDATE instance SET state = 'kept', form = ?, codec = ?, reason = ?, stored_bytes = ?, blob = ?, "
        "container = ?, entry = ? WHERE id = ? AND state = 'received' AND hidden_at IS NULL AND blob = ? RETURNING id",
        (
            *(result.form, result.codec, result.reason, size),
            *(record.blob, record.container, record.entry, record.id, old or record.blob),
        ),
    )
    return size if rows else 0


class _Heartbeat:
    """Renews a job's lease while its work goes on, however long a large object takes."""

    def __init__(self, catalog: Catalog, job: jobs.Job, seconds: float) -> None:
        self._catalog = catalog
        self._job = job
        self._seconds = seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="medarchive-lease", daemon=True)

    def _beat(self) -> None:
        while not self._done.wait(self._seconds / 3):
            if not jobs.renew(self._catalog, self._job, self._seconds):
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
