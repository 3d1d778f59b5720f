"""Here: the archive that this process serves. Django has one configuration a process, and so one archive."""

from medarchive.archive.archive import Archive

__all__ = ["archive", "serve"]

_served: list[Archive] = []


def serve(archive: Archive | None) -> None:
    """Serve this archive from now on; None: none."""
    _served[:] = [] if archive is None else [archive]


def archive() -> Archive:
    """The archive that is served."""
    return _served[0]
