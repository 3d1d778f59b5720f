"""Listening: the socket of the web. It needs nothing of Django: `serve` opens it, and hands it to the web's process."""

import os
import socket
import ssl

from medarchive.errors import SettingsError
from medarchive.settings import Settings

__all__ = ["BACKLOG", "address", "listener"]

BACKLOG = 512


def listener(settings: Settings, port: int) -> socket.socket:
    """A socket that listens on ``web_host`` and a port: ``web_port``, or ``web_ohif_port``.

    Raises:
        SettingsError: it cannot, or the certificate cannot be used.
    """
    if settings.web_certificate:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.web_certificate, settings.web_key
            )
        except (OSError, ValueError) as error:
            raise SettingsError(f"web_certificate {settings.web_certificate}, web_key: {error}") from error
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    try:
        listening = socket.create_server((settings.web_host, port), family=family, backlog=BACKLOG)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or answers wait 40 ms for an ACK
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(
            f"the web cannot listen on {settings.web_host}:{port}: {why}; "
            "give it another --web-port, or leave it with --no-web"
        ) from error
    return listening


def address(settings: Settings, listening: socket.socket, host: str = "") -> str:
    """Where a browser finds it, without a prefix; under another name than ``web_host``, where one is given."""
    host = host or settings.web_host
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme = "https" if settings.web_certificate else "http"
    return f"{scheme}://{host}:{listening.getsockname()[1]}"
