"""Here: the archive that this process serves. Django has one configuration a process, and so one archive."""

from medarchive.archive.archive import Archive

__all__ = ["archive", "serve", "viewer", "viewer_port"]

_served: list[Archive] = []
_viewer: list[int] = []


def serve(archive: Archive | None) -> None:
    """Serve this archive from now on; None: none."""
    _served[:] = [] if archive is None else [archive]


def archive() -> Archive:
    """The archive that is served."""
    return _served[0]


def viewer(port: int) -> None:
    """Note that OHIF is served on this port."""
    _viewer[:] = [port]


def viewer_port() -> int | None:
    """The port that OHIF is served on; None where it is not."""
    return _viewer[0] if _viewer else None
