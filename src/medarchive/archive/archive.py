"""Archive: the one object that every face talks to."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from pydicom.dataset import Dataset

from medarchive.archive import deletion, findings, instances, jobs, search
from medarchive.archive.ahead import Ahead
from medarchive.archive.alike import Alike, Likeness
from medarchive.archive.audit import Audit
from medarchive.archive.build import Builder
from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.check import Problem, check
from medarchive.archive.collector import Collected, collect
from medarchive.archive.commit import Committer
from medarchive.archive.commitments import Commitments
from medarchive.archive.compress import Compressed, Compressor
from medarchive.archive.courtesy import Courtesy, at_once
from medarchive.archive.decoded import Decoded
from medarchive.archive.deleted import Deleted, deleted
from medarchive.archive.derivations import Derivation, derivations
from medarchive.archive.disk import Disk
from medarchive.archive.exclusive import exclusive
from medarchive.archive.files import Files
from medarchive.archive.findings import Correction, Finding, Verdict
from medarchive.archive.holdings import Holding, holdings
from medarchive.archive.how import How
from medarchive.archive.ingest import Ingest, Offer, Stored
from medarchive.archive.jobs import Job
from medarchive.archive.local import LocalStore
from medarchive.archive.opened import Opened, Shelf
from medarchive.archive.overview import Overview, overview
from medarchive.archive.pack import Packer
from medarchive.archive.pictures import Pictures
from medarchive.archive.prospects import Prospects
from medarchive.archive.reader import OneReader, wants_reading
from medarchive.archive.reads import Look, Reads
from medarchive.archive.recall import recall_series
from medarchive.archive.recompress import Recompression
from medarchive.archive.reporting import MADE_BY, Reporting
from medarchive.archive.retrieve import current, frame, restorer
from medarchive.archive.runner import Runner
from medarchive.archive.sqlite import SqliteCatalog
from medarchive.archive.staging import Staging
from medarchive.archive.stale import Stale, queue_reads, stale
from medarchive.archive.stats import Stats, stats
from medarchive.archive.targets import Target, targets
from medarchive.archive.undo import undo
from medarchive.codecs import registry
from medarchive.codecs.fidelity import profile
from medarchive.dicom.query import Level, Match, Query
from medarchive.dicom.transcode import transcode
from medarchive.errors import ArchiveBusy
from medarchive.image import Image
from medarchive.insight.reading import Reader, SeriesReading
from medarchive.policy import Rule
from medarchive.settings import Settings
from medarchive.view import View

__all__ = ["Archive"]

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")


class Archive:
    """DICOM objects, durable, findable, given back byte for byte.

    One object may be used by any number of threads, and any number of processes may have the same archive open.

    Example:
        >>> from pathlib import Path
        >>> with Archive.open(Settings(archive=Path("/data/archive"))) as archive:  # doctest: +SKIP
        ...     stored = archive.store(open("image.dcm", "rb"))
        ...     same = archive.load(stored.uid).read()
    """

    def __init__(
        self,
        settings: Settings,
        catalog: SqliteCatalog,
        blobs: LocalStore,
        staging: Staging,
        reader: Callable[[], Reader] | None = None,
    ) -> None:
        """Put the parts together; ``Archive.open`` makes them."""
        self.settings = settings
        self.catalog = catalog
        self.blobs = blobs
        self._staging = staging
        self._decoded = Decoded(blobs)
        self._files = Files(self._decoded, staging, settings.max_memory_bytes)
        self._decoders = ThreadPoolExecutor(settings.workers, "medarchive-ahead")
        self._shelf = Shelf(self._decoded, self._files.opened)
        read_after = settings.quiet if wants_reading(settings) else None
        self._ingest = Ingest(catalog, blobs, settings.max_object_bytes, read_after)
        self._reader = OneReader(reader)
        self._alike = Alike(catalog)
        self.audit = Audit(catalog)

    @classmethod
    def open(cls, settings: Settings, *, disk: Disk | None = None, reader: Callable[[], Reader] | None = None) -> Self:
        """Open the archive in ``settings.archive``, creating or migrating it.

        Args:
            settings: of this archive.
            disk: file operations; None: the real ones.
            reader: opens a reader of images, when one is first needed; without it images wait to be read by a process
                that has one.

        Raises:
            ArchiveBusy: the folder cannot be made or written to, or the catalogue stays locked.
            ArchiveError: the catalogue is of a newer medarchive, or is none.
        """
        disk = disk or Disk()
        root = settings.archive
        try:
            for folder in reversed([root, *root.absolute().parents]):
                if not folder.exists():
                    disk.make_directory(folder)
                    disk.sync_directory(folder.parent)
            disk.make_directory(root / "incoming")
            staging = Staging(root / "incoming")
            blobs = LocalStore(root / "blobs", staging, disk)
            with exclusive(root / "lock"):
                blobs.prepare()
                catalog = SqliteCatalog(root / "catalogue.sqlite", busy_timeout=settings.busy_timeout)
            disk.sync_directory(root)
        except OSError as error:
            raise ArchiveBusy(f"archive {root}: {error.strerror or error}; check the folder and its rights") from error
        return cls(settings, catalog, blobs, staging, reader)

    def close(self) -> None:
        """Finish the writes under way and let everything go."""
        self._decoders.shutdown(cancel_futures=True)
        self._shelf.clear()
        self.catalog.close()
        self.blobs.close()
        self._staging.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """See ``close``."""
        self.close()

    def store(self, part10: BinaryIO, *, source: str = "", expect: tuple[str, str] | None = None) -> Stored:
        """Take an object in. When this returns it is durable, catalogued, and queued for compression.

        Args:
            part10: a DICOM file (PS3.10 7), seekable; read from its start.
            source: where it came from: a peer's AE title, or empty.
            expect: SOP Class UID and SOP Instance UID that were announced for it.

        Raises:
            NotDicom: it is no Part 10 file, or cannot be read to its end.
            MissingIdentity: it has no SOP Class or Instance UID.
            Mismatch: it is not what was announced.
            Conflict: its SOP Instance UID is taken by an object with other bytes.
            LimitExceeded: it is larger than ``max_object_bytes``.
            ArchiveBusy: disk full or catalogue locked; nothing was stored.
        """
        return self._ingest.store(part10, source=source, expect=expect)

    def store_all(self, offers: Sequence[Offer]) -> list[Stored | Exception]:
        """Take objects in together, for little more than it costs to make one durable.

        Returns:
            Of each offer, in their order, what ``store`` would have returned or raised.
        """
        return self._ingest.store_all(offers)

    def find(self, query: Query) -> Iterator[Match]:
        """What matches a query, in order of arrival."""
        return search.find(self.catalog, query)

    def count(self, query: Query) -> int:
        """How many entities match a query, whatever its limit and offset."""
        return search.count(self.catalog, query)

    def instances(self, level: Level, values: Sequence[str]) -> Iterator[InstanceRecord]:
        """The instances below any of these Patient IDs, Study, Series or SOP Instance UIDs, in order of arrival."""
        return instances.under(self.catalog, level, values)

    def records(self, uids: Sequence[str]) -> list[InstanceRecord]:
        """Where instances are and how they are kept, in the order of these UIDs; what is not here is left out."""
        found = {record.uid: record for record in self.instances(Level.IMAGE, uids)}
        return [found[uid] for uid in uids if uid in found]

    def instance(self, uid: str) -> InstanceRecord:
        """Where an instance is and how it is kept.

        Raises:
            NotFound: no such SOP Instance UID.
        """
        return instances.by_uid(self.catalog, uid)

    def load(self, uid: str, *, transfer_syntax: str | None = None) -> BinaryIO:
        """An instance's Part 10 file, seekable, from its start. The caller closes it.

        The whole file has been compared with the SHA-256 of what was received before the first byte is returned.

        Args:
            uid: SOP Instance UID.
            transfer_syntax: UID of the transfer syntax to bring it into; None leaves it as it was received.

        Raises:
            NotFound: no such instance.
            BlobCorrupt: what is kept does not give back what was received.
            BlobMissing: a blob is gone.
            CannotTranscode: the pixel data cannot be brought into ``transfer_syntax``.
        """
        record, file = current(self.catalog, uid, lambda record: (record, self._files.opened(record)))
        if transfer_syntax in (None, record.transfer_syntax):
            return file
        with file:
            return transcode(file, transfer_syntax)

    def ahead(self, records: Iterable[InstanceRecord]) -> Ahead:
        """What loads these instances, in about this order, faster than ``load`` would for each.

        Slices that were coded together are decoded before they are asked for, several groups at once.
        """
        return Ahead(self.load, self._decoded, records, self._decoders, self.settings.workers)

    def header(self, uid: str, keywords: Sequence[str] | None = None) -> Dataset:
        """An instance's data set without its pixel data; of ``keywords`` those attributes alone.

        Raises:
            NotFound: no such instance.
            DicomError: it cannot be read.
            BlobCorrupt, BlobMissing: what is kept was changed, or is gone.
        """
        return self._pictures().header(self.instance(uid), keywords)

    def holdings(self, study_uid: str) -> dict[str, Holding]:
        """What is kept of each series of a study, by Series Instance UID."""
        return holdings(self.catalog, study_uid)

    def frame(self, uid: str, index: int = 0) -> Image:
        """One decoded frame, as stored values; of a codec container only the part that holds it is read.

        Raises:
            NotFound: no such instance, or no such frame.
            BlobCorrupt: what is kept was changed.
            DicomError: the object has no pixel data that can be decoded.
        """
        return current(self.catalog, uid, lambda record: frame(self._decoded, record, index, lambda: self.load(uid)))

    def opened(self, uid: str, use: Callable[[Opened], T]) -> T:
        """Do something with parts of an instance: single frames as they lie in its file, the data set around them.

        Raises:
            NotFound: no such instance, or whatever ``use`` raises.
            BlobCorrupt, BlobMissing: it cannot be read.
        """
        return current(self.catalog, uid, lambda record: use(self._shelf.take(record)))

    def delete(self, uid: str) -> None:
        """Take an instance out of sight. For ``settings.undelete`` seconds ``undelete`` brings it back.

        Raises:
            NotFound: no such instance.
        """
        self.catalog.write(lambda transaction: deletion.hide(transaction, uid))

    def undelete(self, uid: str) -> None:
        """Bring a deleted instance back.

        Raises:
            NotFound: none was deleted, or it has been purged.
            Conflict: one of this UID was stored since.
        """
        self.catalog.write(lambda transaction: deletion.unhide(transaction, uid))

    def delete_all(self, uids: Sequence[str]) -> None:
        """Take instances out of sight, all of them or none; see ``delete``.

        Raises:
            NotFound: one is not here.
        """
        self.catalog.write(lambda transaction: deletion.hide_all(transaction, uids))

    def undelete_all(self, uids: Sequence[str]) -> None:
        """Bring deleted instances back, all of them or none; see ``undelete``.

        Raises:
            NotFound, Conflict: one cannot be brought back.
        """
        self.catalog.write(lambda transaction: deletion.unhide_all(transaction, uids))

    def deleted(self) -> list[Deleted]:
        """The series of which instances were deleted and can be brought back, the last deleted first."""
        return deleted(self.catalog)

    def compress(
        self,
        *,
        wait_for_all: bool = False,
        stop: threading.Event | None = None,
        kinds: Sequence[jobs.Kind] = jobs.KINDS,
        courteous: bool = False,
    ) -> Iterator[Compressed]:
        """Do the jobs that are waiting now, ``settings.workers`` at a time, and say what became of each.

        Args:
            wait_for_all: wait for retries too, and for what other processes do, but not for a series to go quiet;
                otherwise end when nothing may run.
            stop: set, it lets the jobs under way end and begins no other.
            kinds: leaving jobs of other kinds alone.
            courteous: begin no job while many objects arrive, for up to a minute.
        """
        stop = stop or threading.Event()
        pause = partial(Courtesy(self.catalog).wait, stop) if courteous else at_once
        runner = Runner(self.settings, self.catalog, self._decoded, self._staging, self._reads(), pause)
        return runner.run_all(wait_for_all=wait_for_all, stop=stop, kinds=kinds)

    def compress_together(self, series_uids: Sequence[str]) -> Iterator[Compressed]:
        """Code the slices of some series together now, without waiting for the series to go quiet.

        For series that are complete; slices that come later make groups of their own.
        """
        if jobs.hasten(self.catalog, series_uids):
            for _ in range(2):  # the first jobs cut the series into groups, the next ones encode those
                yield from self.compress(wait_for_all=True)

    def read_now(self, series_uids: Sequence[str]) -> Iterator[Compressed]:
        """Read the images of some series that wait for it, without waiting for the series to go quiet."""
        if self._reader.there and jobs.hasten(self.catalog, series_uids, "read"):
            yield from self.compress(wait_for_all=True, kinds=("read",))

    @property
    def can_read(self) -> bool:
        """Whether there is a reader of images here, as far as is known."""
        return self._reader.there

    def classify(self, uid: str) -> Iterator[tuple[str, SeriesReading]]:
        """Read an instance, or every series of images of a series, study or Patient ID.

        An instance is only looked at. Of a series, what was read is recorded and reported, as at ingest.

        Yields:
            SOP or Series Instance UID, and what was read there.

        Raises:
            NotFound: nothing of this UID; or there is no reader here.
        """
        return self._reads().classify(uid)

    def look(self, uid: str, *, asked: str = "", record: bool = False) -> Look:
        """Read an instance or a series, with the picture that carries the finding.

        Args:
            uid: SOP or Series Instance UID.
            asked: the anatomy that somebody says it shows, ``brain`` or ``lung``; "": the reader finds out.
            record: keep it as at ingest: of a series alone, and never what is read because somebody said what it shows.

        Raises:
            NotFound: nothing of this UID; or there is no reader here.
        """
        return self._reads().look(uid, asked, record=record)

    def classify_file(self, path: Path, *, asked: str = "") -> tuple[SeriesReading, View | None]:
        """Read a DICOM, PNG or JPEG file that need not be in the archive; with the picture that carries the finding.

        Args:
            path: of the file.
            asked: see ``look``.

        Raises:
            NotFound: there is no reader here.
            DicomError, LimitExceeded: the file is none of these, or is damaged, or larger than what is read.
        """
        return self._reads().file(path, asked)

    def stale(self) -> list[Stale]:
        """The series that the reader of today has not read.

        Raises:
            NotFound: there is no reader here.
        """
        return stale(self.catalog, self._reader.open().version)

    def queue_reads(self, series: Sequence[Stale]) -> int:
        """Ask for some series to be read, by whichever process has a reader; how many were not asked for already."""
        return self.catalog.write(lambda transaction: queue_reads(transaction, [each.series for each in series]))

    def findings(self, uid: str, *, images: bool = False) -> list[Finding]:
        """All that was read of an instance, or of the series below a Series or Study Instance UID or Patient ID.

        The oldest first, with what clinicians say of each. ``images``: of a series' single images, too.

        Raises:
            NotFound: nothing of this UID.
        """
        return findings.findings(self.catalog, uid, images=images)

    def correct(self, reading: int, verdict: Verdict, *, by: str, label: str | None = None, note: str = "") -> int:
        """Keep beside a reading what a clinician says of it; the number of the correction.

        Args:
            reading: its number, ``Finding.id``.
            verdict: ``confirmed`` or ``rejected``. A rejected one is not found by ``FINDING`` any more.
            by: who says so.
            label: what it is instead.
            note: anything else.

        Raises:
            NotFound: no such reading.
            BadCorrection: another verdict, or nobody who says so.
        """
        return self.catalog.write(lambda change: findings.correct(change, reading, verdict, by, label, note))

    def corrections(self) -> Iterator[tuple[Finding, Correction]]:
        """All that clinicians said, the oldest first, each with the reading that it is about."""
        return findings.corrections(self.catalog)

    def similar(
        self,
        like: str | View,
        n: int = 10,
        *,
        frame: int | None = None,
        same_modality: bool = False,
        other_series: bool = False,
        wanted: Callable[[Likeness], bool] | None = None,
    ) -> list[Likeness]:
        """The stored images that look most like one, the most similar first; exact, by what the networks see.

        Args:
            like: SOP Instance UID of a stored image, or a picture.
            n: how many at most.
            frame: of the stored image; None: the middle one of those that were read.
            same_modality: of the stored image's modality alone.
            other_series: not of the stored image's own series.
            wanted: whether an image may be among them: what its asker has no right to see is left out here.

        Raises:
            NotFound: no such instance; or it was not read, and there is no reader here.
        """
        return self._reads().similar(
            self._alike, like, n, frame, same_modality=same_modality, other_series=other_series, wanted=wanted
        )

    def _reads(self) -> Reads:
        pictures = self._pictures()
        reporting = Reporting(
            self.settings, self.catalog, pictures, lambda file: self._ingest.store_made(file, source=MADE_BY)
        )
        return Reads(self.settings, self.catalog, self._decoded, pictures, self._reader, reporting)

    def _pictures(self) -> Pictures:
        return Pictures(self.catalog, self._decoded, self._files.opened)

    def recompression(self, *, codecs: Sequence[str] = (), effort: int | None = None) -> Recompression:
        """Encodes again what is stored, with the settings' codecs and effort or with others.

        Raises:
            UnknownCodec: there is no such codec, or it cannot be used here.
        """
        for name in codecs:
            registry.get(name)
        settings = self.settings.changed(codecs=tuple(codecs) or None, effort=effort)
        how = replace(How.of(settings), again=True)
        parts = (self.settings, self.catalog, self._decoded, self._staging)
        return Recompression(self.catalog, self.blobs, Compressor(*parts), Packer(*parts), how)

    def undo(self, series_uid: str) -> int:
        """Bring the instances of a series back to where they were before they were compressed again; how many.

        Raises:
            NotFound: none was compressed again within ``settings.undo`` seconds.
        """
        return undo(self.catalog, self._restored(), series_uid)

    def policy(self, rules: Sequence[Rule] | None = None) -> Prospects:
        """Holds a policy against what is stored, and asks for what it says.

        Args:
            rules: None: those of the settings.

        Raises:
            SettingsError: a rule names a fidelity profile that there is not.
        """
        rules = self.settings.policy if rules is None else rules
        for rule in rules:
            if rule.profile:
                profile(rule.profile)
        builder = Builder(self.settings, self._files, self._staging)
        return Prospects(self.catalog, self.blobs, self._files, builder, rules)

    def recall(self, series_uid: str) -> int:
        """Bring the originals of a series back and take what was derived from them out of sight; how many were derived.

        Raises:
            NotFound: nothing was derived from such a series, or all of it is gone.
        """
        return self.catalog.write(lambda transaction: recall_series(transaction, series_uid))

    def derivations(self, uid: str) -> list[Derivation]:
        """What was derived from an instance, and what it was derived from itself."""
        return derivations(self.catalog, "source_uid = ? OR derived_uid = ?", uid, uid)

    def commit(self, uids: Sequence[str]) -> list[str]:
        """Answer for some instances, each after it was given back whole: they will never go for a version with loss.

        Returns:
            Those that are not here, or do not come back as they were received: for these the archive does not answer.
        """
        return Committer(self.catalog, self._restored()).all(list(uids))

    def commitments(self) -> Commitments:
        """What peers asked the archive to answer for (PS3.4 J), and what came of it."""
        return Commitments(self.settings, self.catalog)

    def waiting(self) -> int:
        """How many jobs are to be done."""
        return jobs.waiting(self.catalog)

    def jobs(self, *, state: str = "", kind: str = "", after: int = 0) -> Iterator[jobs.Job]:
        """The jobs that are waiting, under way or failed; of one state or kind, or with numbers above one."""
        return jobs.listed(self.catalog, state, kind, after)

    def targets(self, some: Sequence[Job]) -> dict[int, Target]:
        """By number of job, what it is of. For a page of jobs."""
        return targets(self.catalog, some)

    def retry(self, number: int | None = None) -> int:
        """Let failed jobs, or one, be tried again; returns how many there were."""
        return jobs.retry(self.catalog, number)

    def stats(self) -> Stats:
        """What the archive holds and saves."""
        return stats(self.catalog)

    def overview(self) -> Overview:
        """How the archive is doing: what came in of late, what waits, how much room there is."""
        return overview(self.catalog, self.settings.archive)

    def collect(self, *, grace: float | None = None, orphans: bool = True) -> Collected:
        """Purge what was deleted long enough ago and unlink the blobs that nothing needs.

        Args:
            grace: seconds for which an unreferenced blob stays; None takes the setting.
            orphans: whether to look for blobs that the catalogue does not know, too.
        """
        return collect(
            self.catalog,
            self.blobs,
            grace=self.settings.grace if grace is None else grace,
            undelete=self.settings.undelete,
            undo=self.settings.undo,
            orphans=orphans,
        )

    def check(self, *, read_data: bool = False) -> Iterator[Problem]:
        """Compare catalogue and store and report every fault; with ``read_data``, hash and decode everything too."""
        return check(self.catalog, self.blobs, self._restored(), read_data=read_data)

    def _restored(self) -> Callable[[InstanceRecord], None]:
        """Gives an instance back from what is in the store now, and throws it away; or raises."""
        return restorer(self.blobs, self._staging, self.settings.max_memory_bytes)

    def incoming(self) -> Path:
        """A folder on the archive's file system for files that are being received; swept when this process is gone."""
        return self._staging.folder()
