"""What peers did, for the audit record: one event for each study that an association pushed, one for each question."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from medarchive.archive.audit import Action, Audit, Event, Outcome
from medarchive.errors import MedarchiveError

__all__ = ["Auditor", "origin", "title"]

LOGGER = logging.getLogger(__name__)
_LONGEST = 600.0
"""Seconds after which an association that stays open is written down, too."""


def title(association: Any) -> str:
    """The calling AE title."""
    return str(association.requestor.primitive.calling_ae_title).strip()


def origin(association: Any) -> str:
    """The peer's network address."""
    return str(association.requestor.address or "")


class Auditor:
    """Writes to the audit record of an archive. Any thread may call; nothing is refused because it cannot write."""

    def __init__(self, audit: Audit, now: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._now = now
        self._guard = threading.Lock()
        self._pushed: dict[Any, tuple[float, Counter[tuple[str, bool]]]] = {}

    def note(
        self, association: Any, action: Action, detail: str, *, outcome: Outcome = "success", of: str = ""
    ) -> None:
        """Write down one event."""
        self._write(Event(action, title(association), origin(association), "node", of, outcome, detail))

    def pushed(self, association: Any, study_uid: str, *, stored: bool) -> None:
        """Count an object of a study; written down by ``closed``."""
        with self._guard:
            since, counts = self._pushed.setdefault(association, (self._now(), Counter()))
            counts[study_uid, stored] += 1
            late = self._now() - since > _LONGEST
        if late:
            self.closed(association)

    def closed(self, association: Any) -> None:
        """Write down what an association pushed."""
        with self._guard:
            _, counts = self._pushed.pop(association, (0.0, Counter[tuple[str, bool]]()))
        who, address = title(association), origin(association)
        self._write(
            *(
                Event("upload", who, address, "node", study, "success" if stored else "failed", f"{count} by C-STORE")
                for (study, stored), count in counts.items()
            )
        )

    def _write(self, *events: Event) -> None:
        try:
            if events:
                self._audit.note(*events)
        except MedarchiveError:
            LOGGER.exception("the audit record lacks %d events", len(events))
