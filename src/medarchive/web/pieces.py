"""Pieces: the body of a streamed answer, made piece by piece in threads while it is sent."""

import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from itertools import islice
from typing import Self

from asgiref.sync import sync_to_async

__all__ = ["Pieces"]

_LINES = 500


class Pieces(AsyncIterator[bytes]):
    """What an iterator gives; an error breaks the answer off, never shortens it.

    Django closes it with the answer, sent or not. That waits for no thread: a piece that is being made is finished
    first, and what it was made of is closed behind it.
    """

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], object]) -> None:
        """Send pieces.

        Args:
            pieces: the next one is asked for in any thread, one at a time; empty ones are left out.
            close: lets go of what they are made of; may be called twice.
        """
        self._pieces, self._close = pieces, close
        self._over = False
        self._making = threading.Lock()

    @classmethod
    def of_lines(cls, lines: Generator[str, None, None]) -> Self:
        """Lines of text in UTF-8, some hundred at a time."""
        return cls(iter(lambda: "".join(islice(lines, _LINES)).encode(), b""), lines.close)

    async def __anext__(self) -> bytes:
        piece = await sync_to_async(self._next, thread_sensitive=False)()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Let go of everything; nothing more is made."""
        self._over = True
        self._let_go()

    def _next(self) -> bytes | None:
        with self._making:
            piece = next(filter(None, self._pieces), None)
        if piece is None or self._over:
            self._let_go()
        return piece

    def _let_go(self) -> None:
        if self._making.acquire(blocking=False):  # otherwise ``_next`` does it
            try:
                self._close()
            finally:
                self._making.release()
