"""Front: the ASGI application. It limits, answers for static files, hands on to Django, and marks every answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from medarchive.settings import Settings
from medarchive.web.front.body import MOST_AT_ONCE, Body, Broken, Message, TooLarge
from medarchive.web.front.counts import COUNTS
from medarchive.web.front.headers import careful
from medarchive.web.front.host import with_port
from medarchive.web.front.rates import Rate, network

__all__ = ["Front"]

Send = Callable[[Message], Awaitable[None]]
_STREAMED = ("multipart/", "application/dicom", "application/zip", "application/octet-stream")
"""Media types of bodies that may be large: they are read while they come."""
_STRANGERS = (600, 300)
_UPLOADS = (6000, 3000)
"""Requests a minute, and at once, of one address."""
_MOST_UPLOADS = 64
"""Large bodies that are taken in at once: each keeps a thread."""


class Front:
    """Stands before Django."""

    def __init__(self, django: Any, static: Any, settings: Settings) -> None:
        """Put the parts together.

        Args:
            django: the application behind, a ``Handler``.
            static: a ``Static``.
            settings: for the prefix and the largest body.
        """
        self._django = django
        self._static = static
        self._prefix = settings.web_prefix
        self._most = settings.web_upload_bytes
        self._strangers = Rate(*_STRANGERS)
        self._uploads = Rate(*_UPLOADS)
        self._uploading = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        answer = _Answer(send, secure=scope.get("scheme") == "https")
        COUNTS.under_way += 1
        try:
            await self._served(self._placed(with_port(scope)), receive, answer)
        finally:
            COUNTS.under_way -= 1

    def _placed(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The request with the prefix in its path, whether a proxy stripped it or not."""
        path = scope["path"]
        if self._prefix and path != self._prefix and not path.startswith(f"{self._prefix}/"):
            path = self._prefix + path
        return {**scope, "path": path, "root_path": self._prefix}

    async def _served(self, scope: dict[str, Any], receive: Any, answer: "_Answer") -> None:
        within = scope["path"][len(self._prefix) :]
        if within.startswith("/static/"):
            await self._static(scope, answer, within[len("/static") :])
            return
        headers = dict(scope["headers"])
        known = b"authorization" in headers or b"cookie" in headers
        address = network(scope["client"][0]) if scope.get("client") else ""
        large = known and scope["method"] in ("POST", "PUT") and _media_type(headers).startswith(_STREAMED)
        wait = max(self._strangers.wait(address) if not known else 0, self._uploads.wait(address) if large else 0)
        if wait > 0:
            await answer.plain(429, "too many requests; wait a little", (b"retry-after", str(int(wait) + 1).encode()))
            return
        if not known:
            self._strangers.count(address)
        if large:
            self._uploads.count(address)
        most = self._most if large else MOST_AT_ONCE
        announced = _length(headers)
        empty = announced == 0 and b"transfer-encoding" not in headers
        if announced is None:
            await answer.plain(400, "Content-Length is no number")
        elif announced > most:
            await answer.plain(413, _too_large(most))
        elif large:
            await self._taken_in(scope, Body(receive, most, empty=empty), answer)
        else:
            await self._small(scope, Body(receive, most, empty=empty), answer, most)
        if known and answer.status == 401:
            self._strangers.count(address)

    async def _small(self, scope: dict[str, Any], body: Body, answer: "_Answer", most: int) -> None:
        """Serve a request whose body is waited for here, so that a slow client keeps no thread."""
        try:
            await body.take_in()
        except TooLarge:
            await answer.plain(413, _too_large(most))
        except Broken:
            await answer.plain(408, "the request did not come to its end")
        else:
            COUNTS.bytes_in += body.size
            await self._django(scope, body, answer)

    async def _taken_in(self, scope: dict[str, Any], body: Body, answer: "_Answer") -> None:
        """Serve a request whose body is read while it comes."""
        if self._uploading >= _MOST_UPLOADS:
            await answer.plain(503, "too many uploads at once; try again", (b"retry-after", b"5"))
            return
        self._uploading += 1
        answer.body = body
        try:
            await self._django(scope, body, answer)
        finally:
            self._uploading -= 1
            COUNTS.bytes_in += body.size


class _Answer:
    """The way back: careful headers on whatever goes out, and 413 in place of any other word on too large a body."""

    def __init__(self, send: Send, *, secure: bool) -> None:
        self._send = send
        self._secure = secure
        self.body: Body | None = None
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start":
            if self.body is not None and self.body.exceeded and message["status"] >= 400:
                exceeded, self.body = self.body, None
                await self.plain(413, _too_large(exceeded.most))
                self._send = _nowhere
                return
            self.status = message["status"]
            COUNTS.answers[self.status] += 1
            message = {**message, "headers": careful(list(message.get("headers", [])), secure=self._secure)}
        else:
            COUNTS.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def plain(self, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
        """A whole answer: one line of text."""
        kind = (b"content-type", b"text/plain; charset=utf-8")
        await self({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
        await self({"type": "http.response.body", "body": f"{text}\n".encode()})


async def _nowhere(message: Message) -> None:
    """Sent nowhere: the answer has gone already."""


def _media_type(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"content-type", b"").decode("latin-1").strip().lower()


def _length(headers: dict[bytes, bytes]) -> int | None:
    """Content-Length; 0 where there is none, None where it is no number."""
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) < 20 else None


def _too_large(most: int) -> str:
    return f"the body has more than {most} bytes, which is what is taken here"
