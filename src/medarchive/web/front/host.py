"""Host: the name and port by which a client asked, for the addresses in our answers."""

from typing import Any

__all__ = ["with_port"]

_USUAL = {"http": 80, "https": 443}
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"via")


def with_port(scope: dict[str, Any]) -> dict[str, Any]:
    """The request with our port in its Host header, where that leaves out one that is not the scheme's usual.

    RFC 9110 7.2 wants it there; dicomweb-client (Python) leaves it out, and could not follow the URLs in our answers.
    What came through a proxy stays as it is: the port that the client knows is the proxy's.
    """
    headers = scope["headers"]
    names = {name for name, _ in headers}
    host = next((value for name, value in headers if name == b"host"), b"")
    port = (scope.get("server") or ("", None))[1]
    named = b":" in host.rpartition(b"]")[2]
    if not host or named or port in (None, _USUAL.get(scope.get("scheme", "http"))) or names.intersection(_FORWARDED):
        return scope
    whole = host + b":" + str(port).encode()
    return {**scope, "headers": [(name, whole if name == b"host" else value) for name, value in headers]}
