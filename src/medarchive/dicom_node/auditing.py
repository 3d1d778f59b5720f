"""What peers did, for the audit record: one event for each study that an association pushed, one for each question."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from medarchive.archive.audit import Action, Audit, Event, Outcome
from medarchive.errors import MedarchiveError

__all__ = ["Auditor", "origin", "title"]

LOGGER = logging.getLogger(__name__)
_LONGEST = 600.0
"""Seconds after which an association that stays open is written down, too."""
_REJECTIONS = 60.0
"""Seconds for which an address whose association was rejected has further ones only counted: records stay for ever."""


def title(association: Any) -> str:
    """The calling AE title."""
    primitive = association.requestor.primitive
    return "" if primitive is None else str(primitive.calling_ae_title).strip()


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
        self._rejected: dict[str, tuple[float, int]] = {}

    def note(
        self, association: Any, action: Action, detail: str, *, outcome: Outcome = "success", of: str = ""
    ) -> None:
        """Write down one event."""
        self.write(Event(action, title(association), origin(association), "node", of, outcome, detail))

    def retrieved(
        self, association: Any, how: str, instances: Mapping[str, int], detail: str, outcome: Outcome
    ) -> None:
        """Write down a retrieval: one event for each study.

        Args:
            association: of whoever asked.
            how: C-GET, or C-MOVE and the destination.
            instances: how many were asked for, by Study Instance UID.
            detail: what came of all of them.
            outcome: the same.
        """
        who, address = title(association), origin(association)
        self.write(
            *(
                Event("download", who, address, "node", study, outcome, f"{how}, {count} instances; {detail}")
                for study, count in instances.items()
            )
        )

    def rejected(self, association: Any, why: str) -> None:
        """Write down that an association was rejected; of an address that is rejected often, once a minute."""
        address, now = origin(association), self._now()
        with self._guard:
            events = self._counted(now - _REJECTIONS)
            since, count = self._rejected.get(address, (now, 0))
            self._rejected[address] = since, count + 1
        if not count:
            events.append(Event("login", title(association), address, "node", "", "refused", why))
        self.write(*events)

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
        self.write(
            *(
                Event("upload", who, address, "node", study, "success" if stored else "failed", f"{count} by C-STORE")
                for (study, stored), count in counts.items()
            )
        )

    def close(self) -> None:
        """Write down all that was only counted so far."""
        with self._guard:
            left, rejections = list(self._pushed), self._counted(float("inf"))
        for association in left:
            self.closed(association)
        self.write(*rejections)

    def write(self, *events: Event) -> None:
        """Write down events together."""
        try:
            if events:
                self._audit.note(*events)
        except MedarchiveError:
            LOGGER.exception("the audit record lacks %d events", len(events))

    def _counted(self, until: float) -> list[Event]:
        """Forget addresses that were rejected first before a time; events of those that came again since."""
        old = {address: count for address, (since, count) in self._rejected.items() if since <= until}
        for address in old:
            del self._rejected[address]
        detail = f"further associations rejected within {_REJECTIONS:g} seconds of that"
        return [
            Event("login", "", address, "node", "", "refused", f"{count - 1} {detail}")
            for address, count in old.items()
            if count > 1
        ]
