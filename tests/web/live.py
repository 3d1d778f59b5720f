"""A web face that runs, in this process, over the archive of a test."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from medarchive.archive.archive import Archive


@contextlib.contextmanager
def running(archive: Archive, **changes: Any) -> Iterator[str]:
    """Its address. Some settings may be other ones than the archive's."""
    from medarchive.web.application import Server
    from medarchive.web.listening import address

    archive.settings = archive.settings.changed(web_port=0, **changes)
    server = Server(archive)
    try:
        yield address(archive.settings, server.socket)
    finally:
        server.stop(5)
        assert not any(thread.name == "web" for thread in threading.enumerate())
