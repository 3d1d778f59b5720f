"""The jobs process: compresses what is waiting, collects what is no longer needed, yields to everything else."""

import logging
import threading
import time
from collections.abc import Callable

from medarchive.archive.archive import Archive
from medarchive.errors import MedarchiveError
from medarchive.insight.reading import Reader
from medarchive.settings import Settings

__all__ = ["run"]

LOGGER = logging.getLogger(__name__)
_IDLE = 0.5
_COLLECT_EVERY = 60.0
_SWEEP_EVERY = 3600.0


def run(settings: Settings, stop: threading.Event, reader: Callable[[], Reader] | None = None) -> None:
    """Work until ``stop`` is set; a job under way is finished first. Any number of these may run at once.

    Args:
        settings: of the archive.
        stop: ends it.
        reader: opens a reader of images, when one is first needed; None: they are left to other processes.
    """
    collected = swept = time.monotonic()
    with Archive.open(settings, reader=reader) as archive:
        while not stop.is_set():
            try:
                busy = False
                for result in archive.compress(stop=stop, courteous=True):
                    busy = True
                    if result.error:
                        LOGGER.warning("%s of number %d: %s", result.kind, result.target, result.error)
                now = time.monotonic()
                if now - collected >= _COLLECT_EVERY:
                    collected = now
                    orphans = now - swept >= _SWEEP_EVERY
                    swept = now if orphans else swept
                    LOGGER.info("collected %s", archive.collect(orphans=orphans))
            except MedarchiveError as error:  # a locked catalogue or a full disk passes; the jobs are still there
                LOGGER.warning("%s", error)
                busy = False
            if not busy:
                stop.wait(_IDLE)
