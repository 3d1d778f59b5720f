"""Reporting: what was read in a series becomes objects of its study, which any PACS can show.

Their UIDs follow from the series and from what read it: made again, they are the same, and are stored once.
"""

import datetime as dt
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset

from medarchive.archive.catalog import Catalog
from medarchive.archive.pictures import Frame, Pictures
from medarchive.archive.recording import Recorded
from medarchive.dicom.heat import heat_capture
from medarchive.dicom.ours import capture_uid, report_uid
from medarchive.dicom.report import ReportedFinding, report
from medarchive.errors import ArchiveBusy, Conflict, MedarchiveError
from medarchive.insight.picture import onto
from medarchive.insight.reading import SeriesReading
from medarchive.settings import Settings
from medarchive.view import View

__all__ = ["MADE_BY", "Read", "Reporting"]

LOGGER = logging.getLogger(__name__)
MADE_BY = "medarchive"
"""The source of what was made here."""
_SERIES = 9000
"""Added to the Series Number of what was read, for the report; the heat map is the next."""


@dataclass(frozen=True, slots=True)
class Read:
    """A series that was read and recorded.

    Attributes:
        frames: what was read.
        found: what was read there.
        recorded: where that stands.
        version: of the reader.
        view: the frame that carries the finding; None where it could not be decoded.
    """

    frames: Sequence[Frame]
    found: SeriesReading
    recorded: Recorded
    version: str
    view: View | None

    @property
    def carrier(self) -> Frame:
        """The frame that carries the finding."""
        return self.frames[self.found.strongest]


class Reporting:
    """Makes and stores what is said of readings."""

    def __init__(
        self, settings: Settings, catalog: Catalog, pictures: Pictures, keep: Callable[[BinaryIO], object]
    ) -> None:
        """Put the parts together.

        Args:
            settings: what is to be made.
            catalog: where readings stand.
            pictures: gives headers.
            keep: stores an object that was made here.
        """
        self._settings = settings
        self._catalog = catalog
        self._pictures = pictures
        self._keep = keep

    def say(self, read: Read) -> str:
        """Make what the settings ask for of a series that a network was asked about, or that it would rather not judge.

        Returns:
            Why it could not be made, or "".

        Raises:
            ArchiveBusy, OSError: it cannot be stored now.
        """
        pooled = read.found.pooled
        asked = self._settings.insight_reports or self._settings.insight_heat
        if not (asked and (pooled.task or pooled.abstained)):
            return ""
        try:
            header = self._pictures.header(read.carrier.record)
            name = self._name(read)
            if self._settings.insight_heat:
                self._heat(read, header, name)
            if self._settings.insight_reports:
                self._report(read, header, name)
        except (ArchiveBusy, OSError):
            raise
        except MedarchiveError as error:
            return f"no report was made: {error}"
        except Exception as error:  # noqa: BLE001  # an odd header costs the report, and the reading stands
            return f"no report was made: {type(error).__name__}: {error}"
        return ""

    def _report(self, read: Read, header: Dataset, name: str) -> None:
        uid = report_uid(str(header.get("SeriesInstanceUID", "")), name)
        if not self._catalog.read(_THERE, (uid,)):
            said = _said(read, header, name)
            self._store(report(header, said, number=_SERIES + _integer(header.get("SeriesNumber")), now=_when(read)))
        self._catalog.write(lambda transaction: transaction.execute(_NOTE, (uid, read.recorded.id)))

    def _heat(self, read: Read, header: Dataset, name: str) -> None:
        heat = read.found.readings[read.found.strongest].heat
        said = _said(read, header, name)
        uid = capture_uid(str(header.get("SeriesInstanceUID", "")), read.carrier.record.uid, said.frame, name)
        if heat is None or read.view is None or self._catalog.read(_THERE, (uid,)):
            return
        placed = onto(heat, *read.view.values.shape)
        number = 1 + _SERIES + _integer(header.get("SeriesNumber"))
        self._store(heat_capture(header, read.view, placed, said, number=number, now=_when(read)))

    def _name(self, read: Read) -> str:
        """What names the objects: the reader, and more where it has read the series before, with fewer images."""
        before = self._catalog.read(_BEFORE, (read.carrier.record.series, read.version, read.recorded.id))
        return f"{read.version}-{read.recorded.id}" if before else read.version

    def _store(self, part10: bytes) -> None:
        try:
            self._keep(io.BytesIO(part10))
        except Conflict:  # another process was quicker
            LOGGER.info("a report is there already")


_THERE = "SELECT 1 FROM instance WHERE SOPInstanceUID = ?"
"""Deleted ones, too: what was deleted does not come again by itself."""
_NOTE = "UPDATE reading SET report_uid = ? WHERE id = ?"
_BEFORE = "SELECT 1 FROM reading WHERE series = ? AND version = ? AND instance IS NULL AND id < ?"


def _said(read: Read, header: Dataset, name: str) -> ReportedFinding:
    pooled, carrier = read.found.pooled, read.carrier
    return ReportedFinding(
        reader=name,
        algorithm=pooled.model.name if pooled.model else "",
        version=pooled.model.version if pooled.model else "",
        weights_sha256=pooled.model.sha256 if pooled.model else "",
        anatomy=pooled.anatomy,
        anatomy_probability=pooled.anatomy_probability,
        finding=pooled.finding,
        probabilities=dict(pooled.probabilities),
        abstained=pooled.abstained,
        reason=pooled.reason,
        frame=carrier.index if _integer(header.get("NumberOfFrames")) > 1 else None,
        others=_others(read),
    )


def _when(read: Read) -> dt.datetime:
    return dt.datetime.fromtimestamp(read.recorded.created_at)


def _others(read: Read) -> tuple[tuple[str, str], ...]:
    """SOP Class and Instance UIDs of the further images that were read."""
    records = {frame.record.uid: frame.record for frame in read.frames}
    records.pop(read.carrier.record.uid)
    return tuple((record.sop_class, record.uid) for record in records.values())


def _integer(value: object) -> int:
    try:
        return max(int(str(value)), 0)
    except ValueError:
        return 0
