"""Intake: the one place where the web hands objects to the archive, with the rights of whoever sends them.

An account with restricted sight may not add to a study that it does not see, and does not learn that there is one. A
study that it brings in anew is shared with it.
"""

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, Self

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.archive.audit import Outcome as Verdict
from medarchive.archive.ingest import Offer, Stored
from medarchive.dicom.attributes import Level, extract
from medarchive.dicom.part10 import read_header
from medarchive.dicom.query import Exact, Key, Query
from medarchive.errors import ArchiveBusy, Conflict, MedarchiveError, Mismatch, MissingIdentity
from medarchive.web.accounts.shares import brought

__all__ = ["SOURCE", "Intake", "NoRight", "Offered", "Outcome"]

LOGGER = logging.getLogger(__name__)
SOURCE = "WEB"
"""The source of objects that came over the web, where others have an AE title."""
_DIRECTORY = (
    "a DICOMDIR lists the objects of a medium and is none itself (PS3.10 8): upload the files that lie beside it"
)


class NoRight(MedarchiveError):
    """The account may not add to this study, or see it: the two cannot be told apart from outside."""

    def __init__(self) -> None:
        super().__init__("no right to this study")


@dataclass(frozen=True, slots=True)
class Offered:
    """Something that came.

    Attributes:
        name: for whoever sent it.
        open: gives a Part 10 file, seekable, or raises what is wrong with it.
        study: the study that it was sent to; "" for any.
        file: the number of the file that it came in.
    """

    name: str
    open: Callable[[], BinaryIO]
    study: str = ""
    file: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        name: as it was offered.
        result: ``stored``, ``duplicate`` (it was here already), or ``refused``.
        error: why it was refused.
        uid: SOP Instance UID; "" where it could not be read. So for the next three.
        sop_class: SOP Class UID.
        study: Study Instance UID.
        series: Series Instance UID.
    """

    name: str
    result: Literal["stored", "duplicate", "refused"]
    error: Exception | None = None
    uid: str = ""
    sop_class: str = ""
    study: str = ""
    series: str = ""

    @property
    def reason(self) -> str:
        """Why it was refused, for whoever sent it."""
        if isinstance(self.error, MedarchiveError):
            return str(self.error)
        return "" if self.error is None else "the archive could not take it; its log says why"


@dataclass(frozen=True, slots=True)
class _Read:
    """An object whose header is known."""

    number: int
    file: BinaryIO
    uid: str
    sop_class: str
    study: str
    series: str

    def opened(self) -> BinaryIO:
        """The file."""
        return self.file


class Intake:
    """Takes in what one request brings."""

    def __init__(self, archive: Archive, account: Any, origin: str) -> None:
        """Begin.

        Args:
            archive: where it goes.
            account: whose it is, an ``accounts.models.User``.
            origin: its network address.
        """
        self._archive = archive
        self._account = account
        self._origin = origin
        self._scope = account.scope()
        self._allowed: dict[str, bool] = {}
        self._new: set[str] = set()
        self._seen: dict[str, Counter[str]] = {}

    def take(self, offered: Sequence[Offered]) -> list[Outcome]:
        """Store objects together; what became of each, in their order. The files are closed."""
        outcomes: dict[int, Outcome] = {}
        reads: list[_Read] = []
        with contextlib.ExitStack() as files:
            for number, one in enumerate(offered):
                read = None
                try:
                    read = _read(number, files.enter_context(one.open()))
                    self._check(one, read)
                except Exception as error:  # noqa: BLE001  # it belongs to this object, and the others go on
                    outcomes[number] = self._refused(one.name, error, read)
                else:
                    reads.append(read)
            offers = [Offer(read.opened, SOURCE) for read in reads]
            for read, stored in zip(reads, self._archive.store_all(offers), strict=True):
                outcomes[read.number] = self._told(offered[read.number].name, read, stored)
        self._share({outcome.uid for outcome in outcomes.values() if outcome.result == "stored"})
        for outcome in outcomes.values():
            self._seen.setdefault(outcome.study, Counter())[_counted(outcome)] += 1
        return [outcomes[number] for number in range(len(offered))]

    def refuse(self, name: str, error: Exception) -> Outcome:
        """What is no object at all."""
        outcome = self._refused(name, error, None)
        self._seen.setdefault("", Counter())[_counted(outcome)] += 1
        return outcome

    def close(self) -> None:
        """Record what came: one event for each study."""
        events = []
        for study, counts in self._seen.items():
            taken = counts["stored"] + counts["duplicate"]
            verdict: Verdict = "success" if taken else "refused" if counts["no right"] else "failed"
            detail = json.dumps(dict(sorted(counts.items())))
            who = self._account.get_username()
            events.append(Event("upload", who, self._origin, "web", study, verdict, detail))
        self._seen = {}
        if events:
            self._archive.audit.note(*events)

    def __enter__(self) -> Self:
        """Record at the end of the block, whatever happens in it."""
        return self

    def __exit__(self, *_: object) -> None:
        """See ``close``."""
        self.close()

    def _check(self, offered: Offered, read: _Read) -> None:
        """Return where the object may come in.

        Raises:
            NoRight: its study is there, and not for this account.
            Mismatch: it is not of the study that it was sent to.
            MissingIdentity: nobody could see it afterwards.
        """
        if offered.study and read.study != offered.study:
            raise Mismatch(f"it is of study {read.study or '(none)'}, and was sent to {offered.study}")
        if self._scope is None:
            return
        if not read.study:
            raise MissingIdentity(
                "it has no Study Instance UID (0020,000D), so nobody could give you the right to see it"
            )
        if read.study not in self._allowed:
            there = self._archive.count(_study(read.study))
            visible = there and self._archive.count(_study(read.study, self._scope))
            self._allowed[read.study] = bool(visible or not there)
            if not there:
                self._new.add(read.study)
        if not self._allowed[read.study]:
            raise NoRight

    def _told(self, name: str, read: _Read, stored: Stored | Exception) -> Outcome:
        if isinstance(stored, Stored):
            return Outcome(name, stored.outcome, None, read.uid, read.sop_class, read.study, read.series)
        if isinstance(stored, Conflict) and not self._sees_instance(read.uid):
            stored = NoRight()
        return self._refused(name, stored, read)

    def _refused(self, name: str, error: Exception, read: _Read | None) -> Outcome:
        if isinstance(error, OSError):
            LOGGER.error("an upload could not be written", exc_info=error)
            error = ArchiveBusy(f"the archive cannot write: {error.strerror or error}; try again later")
        elif not isinstance(error, MedarchiveError):
            LOGGER.error("an upload failed", exc_info=error)
        elif isinstance(error, MissingIdentity) and name.upper() == "DICOMDIR":
            error = MissingIdentity(_DIRECTORY)
        if read is None:
            return Outcome(name, "refused", error)
        return Outcome(name, "refused", error, read.uid, read.sop_class, read.study, read.series)

    def _sees_instance(self, uid: str) -> bool:
        """Whether the account may know that there is an instance of this UID."""
        key = Key("SOPInstanceUID", Exact(uid), Level.IMAGE, "UI")
        return bool(self._archive.count(Query(Level.IMAGE, (key,), scope=self._scope)))

    def _share(self, stored: set[str]) -> None:
        """Share the studies that came in anew with these instances, unless somebody else was quicker to bring them."""
        for study in sorted(self._new):
            first = next(self._archive.instances(Level.STUDY, [study]), None)
            if first is None:
                continue
            self._new.discard(study)
            if first.uid in stored:
                brought(self._account, study)
            else:
                self._allowed[study] = False


def _read(number: int, file: BinaryIO) -> _Read:
    indexed = extract(read_header(file))
    study, series = indexed.study["StudyInstanceUID"], indexed.series["SeriesInstanceUID"]
    return _Read(number, file, indexed.image["SOPInstanceUID"], indexed.image["SOPClassUID"], study, series)


def _study(uid: str, scope: Any = None) -> Query:
    return Query(Level.STUDY, (Key("StudyInstanceUID", Exact(uid), Level.STUDY, "UI"),), scope=scope)


def _counted(outcome: Outcome) -> str:
    return "no right" if isinstance(outcome.error, NoRight) else outcome.result
