"""Desk: where images are handed in to be read, one after the other, and where the answers wait for those who asked.

Answers are in the memory of this process, for half an hour: a page that is loaded again shows the same one.
"""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from medarchive.errors import NotFound

__all__ = ["Desk", "DeskBusy", "Ticket"]

Answer = TypeVar("Answer")

_KEPT = 1800.0
"""Seconds from asking."""


class DeskBusy(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[Answer]):
    """Something that was handed in.

    Attributes:
        number: nobody can guess it.
        who: the account that asked.
        what: UID of what is read, or the name of the file.
        stored: whether it is in the archive.
        answer: what came of it, when it is done.
        at: when it was handed in, seconds of a clock that goes on steadily.
    """

    number: str
    who: str
    what: str
    stored: bool
    answer: "Future[Answer]"
    at: float = field(default_factory=time.monotonic)


class Desk(Generic[Answer]):
    """Does what is handed in, one at a time, in a thread of its own. Any thread may ask."""

    def __init__(self, *, waiting: int = 16, each: int = 3, kept: int = 64) -> None:
        """Set its limits.

        Args:
            waiting: how many may wait in all.
            each: of one account.
            kept: how many answers are kept at most; the oldest go first.
        """
        self._waiting, self._each, self._most = waiting, each, kept
        self._guard = threading.Lock()
        self._tickets: dict[str, Ticket[Answer]] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="detection")

    def hand_in(self, who: str, what: str, work: Callable[[], Answer], *, stored: bool) -> Ticket[Answer]:
        """Ask for some work.

        Raises:
            DeskBusy: too much waits already, of all or of this account.
        """
        with self._guard:
            self._forget()
            open_ = [ticket for ticket in self._tickets.values() if not ticket.answer.done()]
            if len(open_) >= self._waiting or sum(ticket.who == who for ticket in open_) >= self._each:
                raise DeskBusy
            ticket = Ticket(secrets.token_urlsafe(16), who, what, stored, self._worker.submit(work))
            self._tickets[ticket.number] = ticket
        return ticket

    def ticket(self, who: str, number: str) -> Ticket[Answer]:
        """What an account handed in.

        Raises:
            NotFound: it handed in nothing of this number, or too long ago.
        """
        with self._guard:
            self._forget()
            found = self._tickets.get(number)
        if found is None or found.who != who:
            raise NotFound(f"{number}: nothing of this number waits here")
        return found

    def before(self, ticket: Ticket[Answer]) -> int:
        """How many are still to be done before one."""
        with self._guard:
            return sum(each.at < ticket.at and not each.answer.done() for each in self._tickets.values())

    @staticmethod
    def wait(ticket: Ticket[Answer], seconds: float) -> bool:
        """Wait for an answer, for some time; whether it is there."""
        return bool(wait([ticket.answer], seconds).done)

    def _forget(self) -> None:
        done = [ticket for ticket in self._tickets.values() if ticket.answer.done()]
        late = time.monotonic() - _KEPT
        for place, ticket in enumerate(done, self._most - len(done)):
            if ticket.at < late or place < 0:
                del self._tickets[ticket.number]
