"""Visits: what the audit record gets of looking and fetching: one record where a viewer asks for hundreds of frames."""

import threading
import time
from collections import OrderedDict

from django.http import HttpRequest

from medarchive.archive.audit import Action, Event, Outcome
from medarchive.web import here
from medarchive.web.gate import origin

__all__ = ["note", "visit"]

_LASTS = 1800.0
"""Seconds for which one record speaks for all that an account looks at, or fetches, of the same object."""
_MOST = 10_000
_seen: OrderedDict[tuple[str, str, str, Action, str], float] = OrderedDict()
_guard = threading.Lock()


def note(request: HttpRequest, action: Action, uid: str, detail: str = "", outcome: Outcome = "success") -> None:
    """Add what an account did to the audit record."""
    who = request.user.get_username()
    here.archive().audit.note(Event(action, who, origin(request), "web", uid, outcome, detail))


def visit(request: HttpRequest, uid: str, what: str, *within: str, action: Action = "view") -> None:
    """Note that something is looked at, or fetched bit by bit, unless it was noted a while ago.

    Args:
        request: of whoever looks.
        uid: what is looked at.
        what: study or series.
        within: UIDs of what it is part of: a visit that was noted there counts.
        action: what is noted.
    """
    whose = (str(here.archive().settings.archive), request.user.get_username(), origin(request), action)
    now = time.monotonic()
    with _guard:
        if any(now - _seen.get((*whose, each), -_LASTS) < _LASTS for each in (uid, *within)):
            return
        _seen[*whose, uid] = now
        _seen.move_to_end((*whose, uid))
        while len(_seen) > _MOST:
            _seen.popitem(last=False)
    note(request, action, uid, what)
