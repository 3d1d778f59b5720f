"""Body: a request's body, taken off the wire as the view reads it, so that nothing is kept of what nobody may send."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Body", "Broken", "TooLarge"]

Message = dict[str, Any]
_SILENCE = 60.0
"""Seconds without a byte after which a client is given up."""
MOST_AT_ONCE = 2_621_440
"""Bytes of a body that may be asked for in one piece; forms and JSON are small."""


class Broken(OSError):
    """The client went away, or fell silent, before the body's end."""


class TooLarge(OSError):
    """The body is larger than it may be."""


class Body:
    """The file that a view reads in its thread, and the ``receive`` that Django's handler listens to for a hang-up."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], most: int, *, empty: bool) -> None:
        """Begin.

        Args:
            receive: the server's.
            most: bytes that it may have.
            empty: whether the request has no body.
        """
        self._receive = receive
        self.most = most
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._hung_up = False
        self._chunk, self._at = b"", 0
        self.size = 0
        self.exceeded = False
        if empty:
            self._over.set()

    async def __call__(self) -> Message:
        """Wait for the client to hang up. What is still to be read is the view's."""
        await self._over.wait()
        while not self._hung_up:
            self._hung_up = (await self._receive())["type"] == "http.disconnect"
        return {"type": "http.disconnect"}

    async def take_in(self) -> None:
        """Wait for all of a small body, so that no thread has to.

        Raises:
            Broken, TooLarge: see ``read``.
        """
        whole = bytearray()
        while chunk := await self._next():
            whole += chunk
        self._chunk = bytes(whole)

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; all of a small body where no number is given. Called in a view's thread.

        Raises:
            Broken: the client is gone.
            TooLarge: there is more than there may be.
        """
        if size < 0:
            whole = bytearray()
            while chunk := self.read(1 << 16):
                whole += chunk
                if len(whole) > MOST_AT_ONCE:
                    raise self._too_large()
            return bytes(whole)
        if not self._fill():
            return b""
        start, self._at = self._at, min(self._at + size, len(self._chunk))
        return self._chunk[start : self._at]

    def readline(self, size: int = -1) -> bytes:
        """Up to the end of a line, or so many bytes; see ``read``."""
        line = b""
        while not line.endswith(b"\n") and (size < 0 or len(line) < size) and len(line) < MOST_AT_ONCE and self._fill():
            end = self._chunk.find(b"\n", self._at) + 1 or len(self._chunk)
            line += self.read(end - self._at if size < 0 else min(end - self._at, size - len(line)))
        return line

    def _fill(self) -> bool:
        """Wait for something to read; whether there is."""
        if self._at == len(self._chunk):
            self._chunk = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            self._at = 0
        return bool(self._chunk)

    async def _next(self) -> bytes:
        """What has come; nothing at the end."""
        while not self._over.is_set():
            try:
                message = await asyncio.wait_for(self._receive(), _SILENCE)
            except TimeoutError:
                self._over.set()
                raise Broken("the client fell silent in the middle of the request") from None
            if message["type"] == "http.disconnect":
                self._hung_up = True
                self._over.set()
            if self._hung_up:
                raise Broken("the client hung up in the middle of the request")
            if not message.get("more_body", False):
                self._over.set()
            chunk: bytes = message.get("body", b"")
            self.size += len(chunk)
            if self.size > self.most:
                raise self._too_large()
            if chunk:
                return chunk
        return b""

    def _too_large(self) -> TooLarge:
        self.exceeded = True
        return TooLarge(f"the body has more than {self.most} bytes")

    def close(self) -> None:
        """Nothing of it is kept."""
