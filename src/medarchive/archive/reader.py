"""Reader: whoever reads images in this process. Opened when it is first needed, and asked for one series at a time."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from medarchive.archive import jobs
from medarchive.archive.pictures import Picture
from medarchive.errors import MedarchiveError, NotFound
from medarchive.insight.reading import Reader, SeriesReading, can_read, not_read
from medarchive.settings import Settings

__all__ = ["OneReader", "read_pictures", "wants_reading"]

LOGGER = logging.getLogger(__name__)


def wants_reading(settings: Settings) -> bool:
    """Whether images that come are to be read."""
    return settings.insight == "true" or (settings.insight == "auto" and can_read())


class OneReader:
    """A reader that is made late: opening it loads its networks. Any thread may ask."""

    def __init__(self, make: Callable[[], Reader] | None) -> None:
        """Note how it is made.

        Args:
            make: opens it; None where this process reads nothing.
        """
        self._make = make
        self._reader: Reader | None = None
        self._failed = ""
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def kinds(self, kinds: Sequence[jobs.Kind]) -> Sequence[jobs.Kind]:
        """Those jobs of some kinds that may be begun here now: none to read a second series, or without a reader."""
        idle = self.there and not self._turn.locked()
        return kinds if idle else [kind for kind in kinds if kind != "read"]

    @property
    def there(self) -> bool:
        """Whether there is one, as far as is known."""
        return self._make is not None and not self._failed

    def open(self) -> Reader:
        """The reader.

        Raises:
            NotFound: there is none here; why.
        """
        with self._guard:
            if self._reader is None:
                if self._make is None:
                    raise NotFound("no reader of images was given to this archive: Archive.open(settings, reader=…)")
                if self._failed:
                    raise NotFound(self._failed)
                try:
                    self._reader = self._make()
                except (MedarchiveError, ImportError, OSError) as error:
                    self._failed = f"images cannot be read here: {error}"
                    LOGGER.warning("%s", self._failed)
                    raise NotFound(self._failed) from error
            return self._reader

    @contextmanager
    def turn(self) -> Iterator[Reader]:
        """The reader, for oneself.

        Raises:
            NotFound: see ``open``.
        """
        reader = self.open()
        with self._turn:
            yield reader


def read_pictures(reader: Reader, pictures: Sequence[Picture], asked: str = "") -> SeriesReading:
    """Read those of some pictures of a series, at least one, that can be shown; the others say why they are not."""
    seen = [number for number, picture in enumerate(pictures) if picture.view is not None]
    if not seen:
        readings = tuple(not_read(picture.reason) for picture in pictures)
        return SeriesReading(readings, readings[0], 0)
    views = [picture.view for picture in pictures if picture.view is not None]
    found = reader.read(views, pictures[seen[0]].evidence, asked)
    by_number = dict(zip(seen, found.readings, strict=True))
    readings = tuple(by_number.get(number, not_read(picture.reason)) for number, picture in enumerate(pictures))
    return SeriesReading(readings, found.pooled, seen[found.strongest])
