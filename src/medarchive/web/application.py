"""The ASGI application, and the server that runs it."""

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn

from medarchive.archive.archive import Archive
from medarchive.web import here
from medarchive.web.accounts.prepare import prepare
from medarchive.web.listening import BACKLOG, address, listener
from medarchive.web.ohif import Ohif

__all__ = ["Server", "application"]


def application(archive: Archive) -> Any:
    """The ASGI application over an archive; accounts' tables are made or migrated."""
    prepare(archive)
    from medarchive.web.front.front import Front  # noqa: PLC0415  # Django has to be configured before
    from medarchive.web.front.handler import Handler  # noqa: PLC0415
    from medarchive.web.front.static import Static  # noqa: PLC0415

    return Front(Handler(), Static(), archive.settings)


class Server:
    """Runs the application in this process, in a thread of its own; the viewer OHIF, too, where it is wanted."""

    def __init__(
        self, archive: Archive, listening: socket.socket | None = None, ohif: socket.socket | None = None
    ) -> None:
        """Serve on listening sockets; None: on the ports of the settings.

        Raises:
            SettingsError: see ``listener``; or there is no OHIF in the folder that is named.
        """
        settings = archive.settings
        self._settings = settings
        self.socket = listening or listener(settings, settings.web_port)
        self.port = int(self.socket.getsockname()[1])
        front = application(archive)
        self._servers = [(self._server(front), self.socket)]
        if settings.web_ohif:
            viewer = Ohif(Path(settings.web_ohif), front, cookie="medarchive", login=self._login)
            place = ohif or listener(settings, settings.web_ohif_port)
            here.viewer(int(place.getsockname()[1]))
            self._servers.append((self._server(viewer), place))
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _server(self, served: Any) -> uvicorn.Server:
        settings = self._settings
        return uvicorn.Server(
            uvicorn.Config(
                served,
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
        )

    def _login(self, host: str) -> str:
        return f"{address(self._settings, self.socket, host)}{self._settings.web_prefix}/accounts/login/"

    def _run(self) -> None:
        async def run() -> None:
            await asyncio.gather(*(server.serve(sockets=[each]) for server, each in self._servers))

        with asyncio.Runner(loop_factory=self._servers[0][0].config.get_loop_factory()) as runner:
            runner.run(run())

    @property
    def running(self) -> bool:
        """Whether it still serves; an error may have ended it."""
        return self._thread.is_alive()

    def stop(self, seconds: float) -> None:
        """Let the requests under way finish, for some seconds."""
        for server, _ in self._servers:
            server.config.timeout_graceful_shutdown = int(seconds)
            server.should_exit = True
        self._thread.join(seconds + 5)
        for _, each in self._servers:
            each.close()
