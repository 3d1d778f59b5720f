"""Runner: takes jobs and does them. What goes wrong with one costs that job and nothing else."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from medarchive.archive import jobs
from medarchive.archive.build import Builder
from medarchive.archive.catalog import Catalog, Transaction
from medarchive.archive.commit import Committer
from medarchive.archive.compress import Compressed, Compressor
from medarchive.archive.courtesy import at_once
from medarchive.archive.decoded import Decoded
from medarchive.archive.derive import Deriver
from medarchive.archive.files import Files
from medarchive.archive.heartbeat import Heartbeat
from medarchive.archive.how import How
from medarchive.archive.instances import by_id, matching
from medarchive.archive.mentions import note_mentions, read_mentions
from medarchive.archive.pack import Packer
from medarchive.archive.plan import plan_series
from medarchive.archive.reads import Reads
from medarchive.archive.recall import recall
from medarchive.archive.retire import Retirer
from medarchive.archive.retrieve import restorer
from medarchive.archive.staging import Staging
from medarchive.errors import BlobMissing, MedarchiveError
from medarchive.settings import Settings

__all__ = ["Runner"]


class Runner:
    """Does jobs, one at a time; several may run in threads and processes beside each other."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        decoded: Decoded,
        staging: Staging,
        reads: Reads,
        pause: Callable[[], None] = at_once,
    ) -> None:
        """Put the parts together.

        Args:
            settings: how it is done.
            catalog: where the jobs are.
            decoded: frames of what is stored.
            staging: for files on their way.
            reads: does ``read`` jobs.
            pause: returns when few objects arrive; called before each job, and by long ones now and then.
        """
        self._reads = reads
        self._pause = pause
        self._settings = settings
        self._catalog = catalog
        self._blobs = decoded.blobs
        self._compressor = Compressor(settings, catalog, decoded, staging)
        self._packer = Packer(settings, catalog, decoded, staging)
        self._files = Files(decoded, staging, settings.max_memory_bytes)
        builder = Builder(settings, self._files, staging)
        self._deriver = Deriver(settings, catalog, decoded, staging, builder)
        restore = restorer(decoded.blobs, staging, settings.max_memory_bytes)
        self._retirer = Retirer(settings, catalog, restore)
        self._committer = Committer(catalog, restore)
        self._owner = f"{os.uname().nodename}:{os.getpid()}:{time.monotonic_ns()}"

    def run(self, up_to: int | None = None, kinds: Sequence[jobs.Kind] = jobs.KINDS) -> Compressed | None:
        """Take the next job and do it; None where there is none to take."""
        settings = self._settings
        owner = f"{self._owner}:{threading.get_ident()}"
        kinds = self._reads.possible(kinds)
        job = jobs.lease(self._catalog, owner, settings.lease, settings.attempts, up_to, kinds)
        if job is None:
            return None
        try:
            with Heartbeat(self._catalog, job, settings.lease):
                return self._do(job)
        except (MedarchiveError, OSError, MemoryError, ArithmeticError, LookupError, ValueError) as error:
            # Whatever a strange object does to a codec, it costs this job and nothing else.
            jobs.fail(self._catalog, job, f"{type(error).__name__}: {error}", settings.attempts)
            record = by_id(self._catalog, job.target) if job.kind in ("compress", "derive") else None
            uid = record.uid if record else ""
            return Compressed(job.kind, job.target, uid, error=str(error) or type(error).__name__)

    def run_all(
        self,
        *,
        wait_for_all: bool,
        stop: threading.Event,
        kinds: Sequence[jobs.Kind],
    ) -> Iterator[Compressed]:
        """Do the jobs that are waiting now, ``settings.workers`` at a time. See Archive.compress."""
        if not self._reads.there:
            kinds = [kind for kind in kinds if kind != "read"]
        last = jobs.newest(self._catalog)
        with ThreadPoolExecutor(self._settings.workers, thread_name_prefix="medarchive-compress") as pool:
            under_way: set[Future[Compressed | None]] = set()
            idle = False
            while True:
                while not (idle or stop.is_set()) and len(under_way) < self._settings.workers:
                    self._pause()
                    under_way.add(pool.submit(self.run, last, kinds))
                if not under_way:
                    if not wait_for_all or stop.is_set() or not jobs.waiting(self._catalog, last, kinds, soon=True):
                        return
                    idle = stop.wait(0.2)
                    continue
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for result in [future.result() for future in done]:
                    idle = result is None
                    if result is not None:
                        yield result

    def _do(self, job: jobs.Job) -> Compressed:
        if job.kind == "refer":
            return self._refer(job)
        if job.kind == "derive":
            return self._deriver.derive(job, by_id(self._catalog, job.target))
        if job.kind == "retire":
            return self._retirer.retire(job)
        if job.kind == "commit":
            return self._committer.commit(job, last=job.attempts >= self._settings.attempts)
        if job.kind == "read":
            return self._reads.do(job, self._pause)
        return self._keep(job)

    def _refer(self, job: jobs.Job) -> Compressed:
        """Read what an instance mentions, a deleted one too: it can come back."""
        found = matching(self._catalog, "instance.id = ?", job.target)
        uids = read_mentions(found[0], self._files.opened) if found else frozenset()

        def note(transaction: Transaction) -> None:
            note_mentions(transaction, job.target, uids)
            recall(transaction, uids)
            jobs.finish(transaction, job)

        self._catalog.write(note)
        return Compressed("refer", job.target, found[0].uid if found else "")

    def _keep(self, job: jobs.Job) -> Compressed:
        """Bring instances into the form in which they are kept."""
        how = How.of(self._settings, job.options)
        if job.kind == "group":
            return plan_series(self._catalog, self._blobs, job, how, self._settings.quiet)
        if job.kind in ("pack", "regroup"):
            return self._packer.pack(job, how)
        record = by_id(self._catalog, job.target)
        if record is None or (record.state != "received" and not how.again):
            self._catalog.write(lambda transaction: jobs.finish(transaction, job))
            return Compressed(job.kind, job.target)
        try:
            return self._compressor.compress(job, record, how)
        except BlobMissing:
            if by_id(self._catalog, job.target) == record:
                raise
            self._catalog.write(lambda transaction: jobs.postpone(transaction, job, 0))  # it went elsewhere meanwhile
            return Compressed(job.kind, job.target)
