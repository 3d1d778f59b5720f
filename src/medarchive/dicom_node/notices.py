"""Notices: N-EVENT-REPORTs to a peer on an association that it opened (PS3.7 10.1.1).

Another thread hands one in. The association's own sends it between two requests of the peer, as one piece, and the
answer finds its way back by its number: whatever the peer asks for meanwhile is served.
"""

import itertools
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from pynetdicom.dimse_messages import N_EVENT_REPORT_RQ
from pynetdicom.dimse_primitives import N_EVENT_REPORT

__all__ = ["Notice", "Notices"]

_LOOK = 0.1
"""Seconds after which whoever waits for an answer looks whether the association is still there."""


@dataclass(slots=True)
class Notice:
    """An N-EVENT-REPORT request, and its way back."""

    request: N_EVENT_REPORT
    context_id: int
    status: int | None = None
    answered: threading.Event = field(default_factory=threading.Event)


class Notices:
    """Those of one association."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._sent: dict[int, Notice] = {}
        self._numbers = itertools.count(1)

    def tell(self, association: Any, notice: Notice, timeout: float) -> int | None:
        """Have a notice sent, and wait for the peer's status; None where none came before the association ended."""
        self._waiting.put(notice)
        for _ in range(int(timeout / _LOOK) + 1):
            if notice.answered.wait(_LOOK):
                return notice.status
            if not association.is_established:
                break
        return None

    def send_on(self, association: Any) -> None:
        """Send what is waiting; called by the association's thread, between two requests."""
        while association.is_established and not self._waiting.empty():
            notice = self._waiting.get()
            notice.request.MessageID = next(self._numbers) % 65536
            self._sent[notice.request.MessageID] = notice
            message = N_EVENT_REPORT_RQ()
            message.primitive_to_message(notice.request)
            message.context_id = notice.context_id
            limit = association.requestor.maximum_length
            association.dul.send_together(list(message.encode_msg(notice.context_id, limit)))

    def answered(self, message: Any) -> bool:
        """Whether a message of the peer is the answer to one of these, and nobody else's business."""
        if not isinstance(message, N_EVENT_REPORT) or message.MessageIDBeingRespondedTo is None:
            return False
        notice = self._sent.pop(message.MessageIDBeingRespondedTo, None)
        if notice is not None:
            notice.status = message.Status
            notice.answered.set()
        return True
