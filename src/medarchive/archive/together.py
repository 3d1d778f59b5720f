"""Together: calls that wait for the disk, side by side.

Whoever syncs ten files one after the other waits ten times for the device, and each time for a core to go on with.
Side by side the device is flushed for several at once.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["Together"]

Item = TypeVar("Item")


class Together:
    """A few threads for calls that wait; made when they are first needed."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="medarchive-disk")

    def run(self, call: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Call with each item, and return when all calls have ended.

        Raises:
            BaseException: what one of the calls raised.
        """
        others = [self._pool.submit(call, item) for item in items[1:]]
        try:
            for item in items[:1]:
                call(item)
        finally:
            wait(others)  # nobody closes a file that another thread still syncs
        for other in others:
            other.result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
