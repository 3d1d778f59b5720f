"""Reception: one thread that takes in what all peers push, and keeps together what has come together.

A thread for each association would hand the interpreter to another one at every system call, some forty times for each
object. Here one thread reads whatever has come on all connections, stores the objects that are complete as one group,
answers, and reads again: while a group is made safe, the next one gathers in the kernel's buffers. Associations lend
their connection when a C-STORE request begins, and get it back with the first thing that is none.
"""

import logging
import select
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from medarchive.dicom_node.command import Request
from medarchive.dicom_node.received import Received

__all__ = ["Arrived", "Lender", "Reception", "Storing"]

LOGGER = logging.getLogger(__name__)
_LINGER = 0.0003
"""Seconds in which a peer that has its answer sends the next object: more of them in a group cost less."""
_LOOK = 0.25
"""Seconds after which the thread looks whether it shall stop."""

Arrived = tuple[Any, Request, Received]
"""An association, and a request of its that is complete."""


class Storing(Protocol):
    """What is done with requests."""

    def begin(self, association: Any, request: Request) -> Received:
        """A place for the object that is about to come."""
        ...

    def end(self, arrived: Sequence[Arrived], answer: Callable[[int, int, str], None]) -> None:
        """Store objects, and answer each by its number, with DIMSE status and error comment."""
        ...

    def drop(self, association: Any, received: Received) -> None:
        """It will not come to its end."""
        ...


class Lender(Protocol):
    """Whoever lends a connection."""

    def fileno(self) -> int:
        """The connection's."""
        ...

    def take_in(self) -> list[Arrived]:
        """Read what has come, waiting for nothing; the requests that are complete and shall be answered here."""
        ...

    def answer(self, request: Request, status: int, comment: str) -> None:
        """Send a response, waiting for nobody."""
        ...

    def break_off(self) -> None:
        """Close the connection; what has not been answered was not stored."""
        ...

    def wants_it_back(self) -> bool:
        """Whether something has come that is the lender's own business."""
        ...

    def returned(self) -> None:
        """The connection is the lender's again."""
        ...


class Reception:
    """The thread, from ``start`` to ``stop``."""

    def __init__(self, store: Storing) -> None:
        self.store = store
        self._lent: dict[int, Lender] = {}
        self._round = threading.Lock()
        self._epoll = select.epoll()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="medarchive-reception", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing may be lent any more."""
        self._stop.set()
        self._thread.join()
        self._epoll.close()

    def lend(self, lender: Lender) -> None:
        """Read from this connection until ``take_back``, or until something comes that is the lender's business."""
        self._lent[lender.fileno()] = lender
        self._epoll.register(lender.fileno(), select.EPOLLIN)

    def take_back(self, lender: Lender) -> None:
        """Read from this connection no more. Waits for the requests under way to be answered."""
        with self._round:
            self._give_back(lender)

    def _give_back(self, lender: Lender) -> None:
        if self._lent.pop(lender.fileno(), None) is not None:
            self._epoll.unregister(lender.fileno())
            lender.returned()

    def _run(self) -> None:
        came = 0
        while not self._stop.is_set():
            ready = self._epoll.poll(_LOOK)
            if len(ready) < came:
                # Of those that had their answers together, the first is here, and the others are about to be.
                time.sleep(_LINGER)
                ready = self._epoll.poll(0)
            came = len(ready)
            if ready:
                with self._round:
                    lenders = [lender for lender in (self._lent.get(number) for number, _ in ready) if lender]
                    try:
                        self._serve(lenders)
                    except Exception:
                        LOGGER.exception("the connections of these requests are closed")
                        for lender in lenders:
                            lender.break_off()

    def _serve(self, lenders: Sequence[Lender]) -> None:
        """Take in, store together, answer."""
        whose: list[Lender] = []
        arrived: list[Arrived] = []
        for lender in lenders:
            complete = lender.take_in()
            arrived += complete
            whose += [lender] * len(complete)
        if arrived:
            self.store.end(arrived, lambda number, *answer: whose[number].answer(arrived[number][1], *answer))
        for lender in lenders:
            if lender.wants_it_back():
                self._give_back(lender)
