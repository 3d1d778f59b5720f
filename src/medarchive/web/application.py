"""The ASGI application, and the server that runs it."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from medarchive.archive.archive import Archive
from medarchive.web.accounts.prepare import prepare
from medarchive.web.listening import BACKLOG, listener

__all__ = ["Server", "application"]


def application(archive: Archive) -> Any:
    """The ASGI application over an archive; accounts' tables are made or migrated."""
    prepare(archive)
    from medarchive.web.front.front import Front  # noqa: PLC0415  # Django has to be configured before
    from medarchive.web.front.handler import Handler  # noqa: PLC0415
    from medarchive.web.front.static import Static  # noqa: PLC0415

    return Front(Handler(), Static(), archive.settings)


class Server:
    """Runs the application in this process, in a thread of its own."""

    def __init__(self, archive: Archive, listening: socket.socket | None = None) -> None:
        """Serve on a listening socket; None: on ``web_host`` and ``web_port``.

        Raises:
            SettingsError: see ``listener``.
        """
        settings = archive.settings
        self.socket = listening or listener(settings)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or answers wait 40 ms for an ACK
        self.port = int(self.socket.getsockname()[1])
        config = uvicorn.Config(
            application(archive),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            backlog=BACKLOG,
            proxy_headers=bool(settings.web_proxies),
            forwarded_allow_ips=list(settings.web_proxies),
            ssl_certfile=settings.web_certificate or None,
            ssl_keyfile=settings.web_key or None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        run: Callable[..., Any] = self._server.serve
        asyncio.run(run(sockets=[self.socket]))

    def stop(self, seconds: float) -> None:
        """Let the requests under way finish, for some seconds."""
        self._server.config.timeout_graceful_shutdown = int(seconds)
        self._server.should_exit = True
        self._thread.join(seconds + 5)
        self.socket.close()
