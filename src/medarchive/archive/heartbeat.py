"""Heartbeat: a job stays its worker's for as long as the work goes on."""

import threading

from medarchive.archive import jobs
from medarchive.archive.catalog import Catalog

__all__ = ["Heartbeat"]


class Heartbeat:
    """Renews a job's lease while its work goes on, however long a large object takes."""

    def __init__(self, catalog: Catalog, job: jobs.Job, seconds: float) -> None:
        self._catalog = catalog
        self._job = job
        self._seconds = seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="medarchive-lease", daemon=True)

    def _beat(self) -> None:
        while not self._done.wait(self._seconds / 3):
            if not jobs.renew(self._catalog, self._job, self._seconds):
                return

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End; the lease runs out by itself."""
        self._done.set()
        self._thread.join()
