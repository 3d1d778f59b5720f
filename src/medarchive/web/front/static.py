"""Static files: in memory an index of those of all applications, on the wire with an address that changes with them."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise import WhiteNoise

__all__ = ["Static", "Versioned", "version"]

_CHUNK = 1 << 18
_SHORT = 12


def _files() -> Iterator[tuple[str, str]]:
    """Address below the root of static files, and path; the first application that has one wins."""
    seen = set()
    for finder in get_finders():
        for name, storage in finder.list([]):
            if name not in seen:
                seen.add(name)
                yield name.replace("\\", "/"), storage.path(name)


@cache
def version() -> str:
    """A name for all static files as they are. It is part of their address, so that modules find each other by it."""
    digest = hashlib.sha256()
    for name, path in sorted(_files()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()[:_SHORT]


class Versioned(StaticFilesStorage):
    """What ``{% static %}`` asks for addresses."""

    def url(self, name: str | None) -> str:
        """``/static/VERSION/NAME``: it may be kept forever."""
        return f"{settings.STATIC_URL}{version()}/{quote(name or '')}"


class Static:
    """Answers requests for static files: those of this version may be kept, others are asked about again."""

    def __init__(self) -> None:
        self._kept = self._index(WhiteNoise.FOREVER, immutable=True)
        self._asked = self._index(0, immutable=False)

    @staticmethod
    def _index(max_age: int, *, immutable: bool) -> WhiteNoise:
        index = WhiteNoise(
            None, max_age=max_age, allow_all_origins=False, immutable_file_test=lambda _path, _url: immutable
        )
        for name, path in _files():
            index.add_file_to_dictionary(f"/{name}", path)
        return index

    async def __call__(self, scope: dict[str, Any], send: Any, path: str) -> None:
        """Answer with a file.

        Args:
            scope: of the request.
            send: the server's.
            path: behind ``/static``.
        """
        index, first = self._asked, path[1:].partition("/")[0]
        if first == version():
            index = self._kept
        if len(first) == _SHORT and set(first) <= set("0123456789abcdef"):
            path = path[1 + len(first) :]
        found = index.files.get(path)
        if found is None:
            await _answer(send, 404, [(b"content-type", b"text/plain")], b"no such file\n")
            return
        asked = {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in scope["headers"]
        }
        answer = found.get_response(scope["method"], asked)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        if answer.file is None:
            await _answer(send, int(answer.status), headers, b"")
            return
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        with answer.file as file:
            while chunk := file.read(_CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
