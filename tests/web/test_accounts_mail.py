"""Mail goes out by SMTP, as the setting says."""

import logging
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from queue import Queue
from typing import Any

import pytest

from medarchive.settings import Settings
from web.test_accounts_entrance import RESET, stranger


class Speaks(socketserver.StreamRequestHandler):
    """As much of SMTP as takes a message (RFC 5321)."""

    server: "Relay"

    def handle(self) -> None:
        self.wfile.write(b"220 relay\r\n")
        lines: list[bytes] = []
        for line in self.rfile:
            lines.append(line.strip())
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while (part := self.rfile.readline().strip()) != b".":
                    lines.append(part)
                self.server.received.put(b"\n".join(lines).decode())
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")


class Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaks)
        self.received: Queue[str] = Queue()


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    from django.core.mail.utils import DNS_NAME

    monkeypatch.setattr(DNS_NAME, "_fqdn", "archive.example.org", raising=False)  # asks no name server
    with Relay() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def with_relay(port: int, host: str = "127.0.0.1") -> Any:
    from django.conf import settings
    from django.test import override_settings

    from medarchive.web.accounts.options import mail

    smtp = f"smtp://{host}:{port}"
    options = mail(Settings(smtp=smtp, mail_from="archive@example.org"))
    backend = "django.core.mail.backends.smtp.EmailBackend"
    return override_settings(MEDARCHIVE=replace(settings.MEDARCHIVE, smtp=smtp), EMAIL_BACKEND=backend, **options)


def test_a_message_arrives(member: Any, relay: Relay) -> None:
    member(name="anna")
    with with_relay(relay.server_address[1]):
        stranger().post(RESET, {"email": "anna@example.org"})
        message = relay.received.get(timeout=10)
    assert "mail FROM:<archive@example.org>" in message
    assert "rcpt TO:<anna@example.org>" in message
    assert "Subject: [medarchive] " in message
    assert "http://testserver/accounts/password/reset/key/" in message


@pytest.mark.parametrize("host", ["127.0.0.1", "no..host"])
def test_a_relay_that_is_not_there_changes_no_answer(member: Any, caplog: pytest.LogCaptureFixture, host: str) -> None:
    from medarchive.web.accounts import adapter

    member(name="anna")
    with with_relay(1, host), caplog.at_level(logging.WARNING, "medarchive"):
        answer = stranger().post(RESET, {"email": "anna@example.org"})
        adapter._postman.submit(str).result(10)
    assert answer["Location"] == f"{RESET}done/"
    assert "mail could not be sent" in caplog.text
    assert "anna" not in caplog.text
