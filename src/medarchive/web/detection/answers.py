"""Answers: what was read when somebody asked, small enough to wait in memory."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from medarchive.archive.alike import Likeness
from medarchive.archive.archive import Archive
from medarchive.errors import MedarchiveError
from medarchive.insight.reading import SeriesReading, not_read
from medarchive.view import View
from medarchive.web.detection.pictures import heat_png, picture_png
from medarchive.web.detection.shown import shown

__all__ = ["Answer", "of_file", "of_stored"]

LOGGER = logging.getLogger(__name__)

Wanted = Callable[[Likeness], bool]
_ALIKE = 12


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a page says of it.

    Attributes:
        shown: for the template of a reading.
        asked: what somebody said it shows: brain or lung; "": nothing.
        images: how many were read together.
        skipped: how many of them could not be.
        picture: the one that carries the finding, PNG; b"" where it cannot be shown.
        heat: PNG of the same size; b"" where there is none.
        uid: SOP Instance UID of the picture; "" of a file.
        frame: of it, from 0.
        recorded: whether it is kept as the archive's own reading.
        similar: what looks like a file.
        failed: whether nothing could be read.
    """

    shown: dict[str, Any]
    asked: str = ""
    images: int = 1
    skipped: int = 0
    picture: bytes = b""
    heat: bytes = b""
    uid: str = ""
    frame: int = 0
    recorded: bool = False
    similar: tuple[Likeness, ...] = ()
    failed: bool = False

    @property
    def in_short(self) -> str:
        """For the audit record."""
        pooled = self.shown["reading"]
        told = pooled.finding or ("abstained" if pooled.abstained else "nothing")
        said = f", taken for {self.asked} on request" if self.asked else ""
        return f"{pooled.anatomy or 'not read'}, {told}, {self.images} image{'s' * (self.images != 1)}{said}"


def of_file(archive: Archive, file: BinaryIO, asked: str, wanted: Wanted | None) -> Answer:
    """Read a file that is not kept: it is closed, and gone, when this returns.

    Args:
        archive: whose reader reads it, and in which similar images are looked for.
        file: a named temporary one.
        asked: see ``Archive.look``.
        wanted: which images may be named as similar; None: all.
    """
    with file:
        try:
            found, view = archive.classify_file(Path(file.name), asked=asked)
            comparable = view if found.pooled.embedding is not None else None
            similar = archive.similar(comparable, _ALIKE, wanted=wanted) if comparable is not None else ()
            return _answer(found, view, asked=asked, similar=tuple(similar))
        except Exception as error:  # noqa: BLE001  # whatever a strange file does costs its own answer
            return _not(error)


def of_stored(archive: Archive, uid: str, asked: str) -> Answer:
    """Read an instance or a series; see ``Archive.look``. A series is recorded unless somebody said what it shows."""
    try:
        look = archive.look(uid, asked=asked, record=True)
        return _answer(look.reading, look.view, asked=asked, uid=look.uid, frame=look.frame, recorded=look.recorded)
    except Exception as error:  # noqa: BLE001  # whatever a strange object does costs its own answer
        return _not(error)


def _answer(found: SeriesReading, view: View | None, **more: Any) -> Answer:
    pooled = found.pooled
    return Answer(
        shown=shown(pooled),
        images=len(found.readings),
        skipped=sum(not each.anatomy for each in found.readings),
        picture=picture_png(view) if view is not None else b"",
        heat=heat_png(view, pooled.heat) if view is not None and pooled.heat is not None else b"",
        **more,
    )


def _not(error: Exception) -> Answer:
    if isinstance(error, MedarchiveError):
        reason = str(error)
    elif isinstance(error, OSError):
        reason = error.strerror or "the file cannot be read"
    else:
        LOGGER.error("an image that somebody asked about could not be read", exc_info=error)
        reason = "it failed in a way that nobody expected; the log of the server has more"
    return Answer(shown(not_read(reason)), failed=True)
