"""Pack: slices are coded together into one container, in a closed group that never reopens.

Their header blobs stay. The group replaces what they have only where it is smaller, and only after every one of them
has been given back from it, byte for byte.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medarchive.archive import batches, jobs
from medarchive.archive.blobs import BlobId
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.decoded import Decoded
from medarchive.archive.former import remember
from medarchive.archive.how import How
from medarchive.archive.references import hold, put_then, release
from medarchive.archive.retrieve import rebuild
from medarchive.archive.slices import Slice, SliceFrames, slices
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.codecs import verified
from medarchive.errors import BlobCorrupt, BlobMissing, CodecError, CorruptStream
from medarchive.settings import Settings

__all__ = ["Packer", "shares"]

LOGGER = logging.getLogger(__name__)


class _Changed(Exception):
    """A slice is not where it was when the work began. Never leaves this module."""


class Packer:
    """Does ``pack`` and ``regroup`` jobs."""

    def __init__(self, settings: Settings, catalog: Catalog, decoded: Decoded, staging: Staging) -> None:
        self._settings = settings
        self._catalog = catalog
        self._decoded = decoded
        self._blobs = decoded.blobs
        self._staging = staging

    def pack(self, job: jobs.Job, how: How) -> Compressed:
        """Code a batch together.

        A ``regroup`` job takes the deleted members too, and is done whatever its size is: what was purged must go.

        Raises:
            BlobMissing, BlobCorrupt: a member cannot be read, or did not come back from the new container.
        """
        must = job.kind == "regroup"
        members = batches.members(self._catalog, job.target, hidden=must)
        path = self._staging.new()
        try:
            return self._pack(job, slices(self._blobs, members), how, path)
        except (_Changed, BlobMissing) as error:
            if isinstance(error, BlobMissing) and batches.members(self._catalog, job.target, hidden=must) == members:
                raise
            self._catalog.write(lambda transaction: jobs.postpone(transaction, job, 0))
            return Compressed(job.kind, job.target)
        finally:
            path.unlink(missing_ok=True)

    def _pack(self, job: jobs.Job, group: Sequence[Slice], how: How, path: Path) -> Compressed:
        if not group:
            self._catalog.write(lambda transaction: _end(transaction, job, group, how))
            return Compressed(job.kind, job.target)
        must = job.kind == "regroup"
        before = [each.record.stored_bytes for each in group]
        headers = [self._blobs.size(each.record.blob) for each in group]
        codec, size = self._encode(path, group, how, must=must)
        if codec and (must or size < sum(before) - sum(headers)):
            kept = [header + share for header, share in zip(headers, shares(size, len(group)), strict=True)]
            self._replace(job, group, how, (path, codec, kept))
        else:
            codec, kept = group[0].record.codec, before
            self._catalog.write(lambda transaction: _end(transaction, job, group, how))
        bytes_in = sum(each.record.size for each in group)
        uid = group[0].record.uid
        return Compressed(job.kind, job.target, uid, codec, len(group), bytes_in, sum(before), sum(kept))

    def measure(self, group: Sequence[Slice], how: How) -> int:
        """What a group would come to, header blobs and container, in bytes. Keeps nothing."""
        path = self._staging.new()
        try:
            codec, size = self._encode(path, group, how, must=False)
        finally:
            path.unlink(missing_ok=True)
        if not codec:
            return sum(each.record.stored_bytes for each in group)
        return size + sum(self._blobs.size(each.record.blob) for each in group)

    def _encode(self, path: Path, group: Sequence[Slice], how: How, *, must: bool) -> tuple[str, int]:
        """Write the group's container; codec and size, or no codec where none can."""
        try:
            with path.open("x+b") as out:
                kept = verified.encode(
                    [SliceFrames(self._decoded, group)],
                    out,
                    codecs=how.codecs if must or how.again else how.together,
                    max_error=group[0].record.max_error,
                    effort=how.effort,
                    workers=self._settings.workers,
                )
        except CorruptStream as error:
            raise BlobCorrupt(
                f"instances from {group[0].record.uid} on: a container cannot be decoded: {error}"
            ) from error
        except CodecError as error:
            if must:
                raise
            LOGGER.warning("%d slices from %s on stay apart: %s", len(group), group[0].record.uid, error)
            return "", 0
        return kept.codec, kept.size

    def _replace(self, job: jobs.Job, group: Sequence[Slice], how: How, new: tuple[Path, str, list[int]]) -> None:
        """Put the container, prove it, and swap."""
        path, codec, kept = new

        def records(container: BlobId) -> list[InstanceRecord]:
            return [
                replace(
                    each.record,
                    codec=codec,
                    stored_bytes=size,
                    container=container,
                    entry=0,
                    first_frame=number,
                    frames=1,
                    entry_frames=len(group),
                )
                for number, (each, size) in enumerate(zip(group, kept, strict=True))
            ]

        def put() -> list[BlobId]:
            with path.open("rb") as stream:
                container = self._blobs.put(stream)
            decoded = Decoded(self._blobs)
            for record in records(container):
                with Spool(self._staging, self._settings.max_memory_bytes) as spool:
                    rebuild(decoded, record, spool)
                    spool.close()
            return [container]

        put_then(
            self._catalog,
            put,
            lambda transaction, names: self._swap(transaction, job, group, how, records(names[0])),
        )

    def _swap(
        self, transaction: Transaction, job: jobs.Job, group: Sequence[Slice], how: How, new: Sequence[InstanceRecord]
    ) -> None:
        """Move all members into the new container, or none."""
        visible = "" if job.kind == "regroup" else " AND hidden_at IS NULL"
        for each, record in zip(group, new, strict=True):
            old = each.record
            where = f"id = ? AND batch = ? AND blob = ? AND container = ? AND first_frame = ?{visible}"
            place = (old.id, job.target, old.blob, old.container, old.first_frame)
            if not transaction.execute(f"SELECT 1 FROM instance WHERE {where}", place):
                raise _Changed
            if how.again:
                remember(transaction, old)
                hold(transaction, self._blobs, old.blob)
            elif old.container:
                release(transaction, old.container)
            assert record.container is not None
            hold(transaction, self._blobs, record.container)
            transaction.execute(
                "UPDATE instance SET codec = ?, stored_bytes = ?, container = ?, entry = ?, first_frame = ?, "
                "frames = ?, entry_frames = ? WHERE id = ?",
                (
                    *(record.codec, record.stored_bytes, record.container, record.entry),
                    *(record.first_frame, record.frames, record.entry_frames, record.id),
                ),
            )
        _end(transaction, job, group, how)


def shares(size: int, count: int) -> list[int]:
    """A container's size in so many parts as even as can be, which add up to it."""
    return [size // count + (number < size % count) for number in range(count)]


def _end(transaction: Transaction, job: jobs.Job, group: Sequence[Slice], how: How) -> None:
    """The batch is done: its members have their final form."""
    if job.kind == "pack":
        for each in group:
            sql = "UPDATE instance SET state = 'kept', tried = ? WHERE id = ? AND batch = ?"
            transaction.execute(sql, (how.name, each.record.id, job.target))
    batches.end(transaction, job.target)
    jobs.finish(transaction, job)
    for container in {each.record.container for each in group if each.record.shared}:
        if container:
            batches.mend(transaction, container)
