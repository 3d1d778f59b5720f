"""Courtesy: background work steps aside while many objects arrive, since they wait for an answer and it does not."""

import threading
import time
from collections.abc import Callable

from medarchive.archive.catalog import Catalog

__all__ = ["Courtesy", "at_once"]

_MANY, _WITHIN = 50, 1.0
"""So many objects within so many seconds: a modality or an archive that pushes, with few of the machine's cores to
spare."""
_LOOK, _LONGEST = 0.25, 60.0
"""Seconds between two looks, and those after which a job begins whatever comes: a push that never ends must not keep
everything uncompressed."""


class Courtesy:
    """Looks how quickly objects arrive, whichever process takes them in."""

    def __init__(self, catalog: Catalog, now: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._now = now

    def wait(self, stop: threading.Event) -> None:
        """Return when few objects arrive, when ``stop`` is set, or when it has been long enough."""
        deadline = self._now() + _LONGEST
        while self._many() and self._now() < deadline and not stop.wait(_LOOK):
            pass

    def _many(self) -> bool:
        rows = self._catalog.read(f"SELECT received_at FROM instance ORDER BY id DESC LIMIT 1 OFFSET {_MANY - 1}")
        return bool(rows) and self._now() - rows[0]["received_at"] < _WITHIN


def at_once() -> None:
    """Wait for nobody: for work that somebody asked for, or that has no need to be courteous."""
