"""Group: work that costs the same for one as for many, done together for all who come while it is being done.

Whoever finds nobody at work does its own part and all that has gathered; one of those who came too late for that goes
next. One caller waits for nobody, ten callers share the cost, and no thread stands between a caller and its work.
"""

import collections
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["Group", "Task"]

Item = TypeVar("Item")


class Task(Generic[Item]):
    """One caller's part: what it brought, and what became of it."""

    __slots__ = ("done", "error", "item", "value", "woken")
    woken: threading.Event

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.value: object = None
        self.error: BaseException | None = None


class Group(Generic[Item]):
    """Callers that share work. ``work`` is given their tasks and sets ``value`` or ``error`` of each."""

    def __init__(self, work: Callable[[Sequence[Task[Item]]], None], most: int) -> None:
        self._work = work
        self._most = most
        self._gathered: collections.deque[Task[Item]] = collections.deque()
        self._guard = threading.Lock()
        self._working = False

    def run(self, item: Item) -> object:
        """Do our part, alone or with others; the value that ``work`` has set.

        Raises:
            BaseException: the error that ``work`` has set, or that it was broken off by.
        """
        task = Task(item)
        task.woken = threading.Event()
        with self._guard:
            self._gathered.append(task)
            first, self._working = not self._working, True
        if not first:
            task.woken.wait()
        if not task.done:
            self._lead()
        if task.error is not None:
            raise task.error
        return task.value

    def _lead(self) -> None:
        """Work for all that have gathered; wake them, and one more to lead next."""
        with self._guard:
            batch = [self._gathered.popleft() for _ in range(min(len(self._gathered), self._most))]
        try:
            self._work(batch)
        except BaseException as error:  # noqa: BLE001  # whoever waits must hear of it, whatever it is
            for task in batch:
                task.error = error
        finally:
            for task in batch:
                task.done = True
            with self._guard:
                following = [self._gathered[0]] if self._gathered else []
                self._working = bool(following)
            for task in batch + following:
                task.woken.set()
