"""Reads: what the images of a series show is read, recorded, and said as DICOM."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medarchive.archive import jobs
from medarchive.archive.alike import Alike, Likeness
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressed
from medarchive.archive.courtesy import at_once
from medarchive.archive.decoded import Decoded
from medarchive.archive.instances import by_uid, under
from medarchive.archive.outside import file_pictures
from medarchive.archive.pictures import Frame, Picture, Pictures, images_of, spread_frames
from medarchive.archive.reader import OneReader, read_pictures
from medarchive.archive.recording import record_reading
from medarchive.archive.reporting import Read, Reporting
from medarchive.dicom.images import is_image
from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.insight.reading import SeriesReading
from medarchive.settings import Settings
from medarchive.view import View

__all__ = ["Look", "Reads"]

LOGGER = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0
"""Seconds that one series waits for pushes in all."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was read of stored images when somebody asked.

    Attributes:
        reading: of all that was read.
        view: the picture that carries the finding; None where it cannot be shown.
        uid: SOP Instance UID of it.
        frame: its number, from 0.
        recorded: whether it is kept as the archive's own reading.
    """

    reading: SeriesReading
    view: View | None
    uid: str
    frame: int
    recorded: bool = False


class Reads:
    """Reads series."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        decoded: Decoded,
        pictures: Pictures,
        reader: OneReader,
        reporting: Reporting,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._blobs = decoded.blobs
        self._pictures = pictures
        self._reader = reader
        self._reporting = reporting

    @property
    def there(self) -> bool:
        """Whether there is somebody who reads, as far as is known."""
        return self._reader.there

    def possible(self, kinds: Sequence[jobs.Kind]) -> Sequence[jobs.Kind]:
        """Those jobs of some kinds that may be begun now: one series is read at a time."""
        return self._reader.kinds(kinds)

    def do(self, job: jobs.Job, pause: Callable[[], None]) -> Compressed:
        """Do a ``read`` job. Killed anywhere and done again, it leaves the same as done once.

        Args:
            job: of a series.
            pause: returns when few objects arrive.

        Raises:
            ArchiveBusy, OSError: the archive cannot be read now.
        """
        try:
            self._reader.open()
        except NotFound:
            self._catalog.write(lambda transaction: jobs.postpone(transaction, job, _LONGEST_PAUSE))
            return Compressed("read", job.target)
        records = images_of(self._catalog, "instance.series = ?", job.target)
        trouble = ""
        if records:
            _, trouble = self.series(records, pause)
        self._catalog.write(lambda transaction: self._end(transaction, job, {record.id for record in records}))
        uid = records[0].uid if records else ""
        return Compressed("read", job.target, uid, instances=len(records), error=trouble)

    def series(self, records: Sequence[InstanceRecord], pause: Callable[[], None]) -> tuple[Look, str]:
        """Read a series and record what was read; that, and what kept it from being said as DICOM.

        Args:
            records: its images, at least one.
            pause: called before each image.
        """
        with self._reader.turn() as reader:
            frames = self._frames(records, self._settings.insight_slices)
            pictures = self._pictures.show(frames, _limited(pause))
            found, version = read_pictures(reader, pictures), reader.version
        series, look = records[0].series, replace(_look(frames, pictures, found), recorded=True)
        recorded = self._catalog.write(lambda transaction: record_reading(transaction, series, frames, found, version))
        return look, self._reporting.say(Read(frames, found, recorded, version, look.view))

    def classify(self, uid: str) -> Iterator[tuple[str, SeriesReading]]:
        """See Archive.classify."""
        one = images_of(self._catalog, "SOPInstanceUID = ?", uid)
        if one:
            yield uid, self._seen(one, "").reading
            return
        for level in (Level.SERIES, Level.STUDY, Level.PATIENT):
            records = list(under(self._catalog, level, [uid]))
            if records:
                break
        else:
            raise NotFound(f"no image, series, study or patient {uid} in this archive; `medarchive find` lists them")
        for series in dict.fromkeys(record.series for record in records):
            images = images_of(self._catalog, "instance.series = ?", series)
            if images:
                yield images[0].series_uid, self._recorded(images).reading

    def file(self, path: Path, asked: str) -> tuple[SeriesReading, View | None]:
        """See Archive.classify_file."""
        with self._reader.turn() as reader:
            pictures = file_pictures(path, self._settings.insight_slices)
            found = read_pictures(reader, pictures, asked)
        return found, pictures[found.strongest].view

    def look(self, uid: str, asked: str, *, record: bool) -> Look:
        """See Archive.look."""
        records = images_of(self._catalog, "SOPInstanceUID = ?", uid)
        if records:
            return self._seen(records, asked)
        records = images_of(self._catalog, "series.SeriesInstanceUID = ?", uid)
        if not records:
            raise NotFound(f"no image and no series of images {uid} in this archive")
        return self._recorded(records) if record and not asked else self._seen(records, asked)

    def similar(
        self,
        alike: Alike,
        like: str | View,
        n: int,
        frame: int | None,
        *,
        same_modality: bool,
        other_series: bool,
        wanted: Callable[[Likeness], bool] | None,
    ) -> list[Likeness]:
        """See Archive.similar."""
        if isinstance(like, View):
            with self._reader.turn() as reader:
                embedding, version = reader.read([like]).pooled.embedding, reader.version
            known, modality, series = None, None, None
        else:
            record = by_uid(self._catalog, like)
            modality, series = record.modality, record.series_uid
            known = alike.embedding(like, frame)
            embedding, version = known or self._embedded(record, frame)
        if embedding is None:
            return []

        def may(each: Likeness) -> bool:
            if each.uid == like or (other_series and each.series_uid == series):
                return False
            return wanted is None or wanted(each)

        return alike.to(embedding, version, n, modality if same_modality else None, may)

    def _embedded(self, record: InstanceRecord, frame: int | None) -> tuple[NDArray[np.float32] | None, str]:
        """The embedding of a stored image that was not among those that were read of its series."""
        if self._reader.there:
            with self._reader.turn() as reader:
                frames = [Frame(record, frame)] if frame is not None else self._frames([record], 1)
                found = read_pictures(reader, self._pictures.show(frames, at_once))
                return found.readings[0].embedding, reader.version
        raise NotFound(
            f"{record.uid} was not read; `medarchive classify {record.series_uid}` does where there is a reader"
        )

    def _seen(self, records: Sequence[InstanceRecord], asked: str) -> Look:
        """Read images, and record nothing."""
        with self._reader.turn() as reader:
            frames = self._frames(records, self._settings.insight_slices)
            pictures = self._pictures.show(frames, at_once)
            return _look(frames, pictures, read_pictures(reader, pictures, asked))

    def _recorded(self, records: Sequence[InstanceRecord]) -> Look:
        """Read a series now, and record it."""
        look, trouble = self.series(records, at_once)
        if trouble:
            LOGGER.warning("series %s: %s", records[0].series_uid, trouble)
        return look

    def _frames(self, records: Sequence[InstanceRecord], most: int) -> list[Frame]:
        return spread_frames(self._catalog, self._blobs, records, most)

    def _end(self, transaction: Transaction, job: jobs.Job, known: set[int]) -> None:
        """End the job, or come again for what came meanwhile."""
        rows = transaction.execute(_IMAGES, (job.target,))
        if any(row["id"] not in known and is_image(row["sop_class"]) for row in rows):
            jobs.postpone(transaction, job, self._settings.quiet)
        else:
            jobs.finish(transaction, job)


_IMAGES = "SELECT id, SOPClassUID AS sop_class FROM instance WHERE series = ? AND hidden_at IS NULL AND made IS NULL"


def _look(frames: Sequence[Frame], pictures: Sequence[Picture], found: SeriesReading) -> Look:
    carrier = frames[found.strongest]
    return Look(found, pictures[found.strongest].view, carrier.record.uid, carrier.index)


def _limited(pause: Callable[[], None]) -> Callable[[], None]:
    """The same, that no longer waits when it has waited for a minute in all."""
    waited = 0.0

    def limited() -> None:
        nonlocal waited
        if waited < _LONGEST_PAUSE:
            began = time.monotonic()
            pause()
            waited += time.monotonic() - began

    return limited
