"""The port that a Host header leaves out."""

from typing import Any

import pytest

from medarchive.web.front.host import with_port


def asked(host: str, *more: tuple[bytes, bytes], port: int = 8080, scheme: str = "http") -> str:
    scope: dict[str, Any] = {
        "scheme": scheme,
        "server": ("127.0.0.1", port),
        "headers": [(b"host", host.encode()), *more],
    }
    return str(dict(with_port(scope)["headers"])[b"host"].decode())


def test_it_is_ours_where_nothing_is_said() -> None:
    assert asked("archive.example") == "archive.example:8080"
    assert asked("[::1]") == "[::1]:8080"


@pytest.mark.parametrize("host", ["archive.example:8080", "archive.example:1234", "[::1]:8080"])
def test_a_port_that_is_said_stays(host: str) -> None:
    assert asked(host) == host


def test_the_usual_ports_are_not_said() -> None:
    assert asked("archive.example", port=80) == "archive.example"
    assert asked("archive.example", port=443, scheme="https") == "archive.example"


@pytest.mark.parametrize("name", [b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"via"])
def test_a_proxys_port_is_its_own_affair(name: bytes) -> None:
    assert asked("archive.example", (name, b"x")) == "archive.example"
