"""The ASGI application, and the server that runs it."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from medarchive.archive.archive import Archive
from medarchive.web.accounts.prepare import prepare

__all__ = ["Server", "application"]


def application(archive: Archive) -> Any:
    """The ASGI application over an archive; accounts' tables are made or migrated."""
    prepare(archive)
    from django.core.asgi import get_asgi_application  # noqa: PLC0415  # Django has to be configured before

    return get_asgi_application()


class Server:
    """Runs the application in this process, in a thread of its own."""

    def __init__(self, archive: Archive) -> None:
        """Bind ``web_host`` and ``web_port``."""
        settings = archive.settings
        self.socket = socket.create_server((settings.web_host, settings.web_port), reuse_port=False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or answers wait 40 ms for an ACK
        self.port = int(self.socket.getsockname()[1])
        config = uvicorn.Config(
            application(archive),
            log_level="warning",
            lifespan="off",
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
        self._server.should_exit = True
        self._thread.join(seconds)
