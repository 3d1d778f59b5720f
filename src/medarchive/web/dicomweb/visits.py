"""Visits: what the audit record gets of DICOMweb. A viewer asks for hundreds of frames; one record says so."""

import threading
import time
from collections import OrderedDict

from django.http import HttpRequest

from medarchive.archive.audit import Action, Event
from medarchive.web import here
from medarchive.web.gate import origin

__all__ = ["note", "note_once"]

_LASTS = 1800.0
"""Seconds for which one record speaks for all that an account does with the same object."""
_MOST = 10_000
_seen: OrderedDict[tuple[int, str, str, str, str], float] = OrderedDict()
_guard = threading.Lock()


def note(request: HttpRequest, action: Action, uid: str, detail: str = "") -> None:
    """Record what an account does."""
    here.archive().audit.note(Event(action, request.user.get_username(), origin(request), "web", uid, detail=detail))


def note_once(request: HttpRequest, action: Action, uid: str) -> None:
    """Record it, unless the same was recorded a short while ago."""
    key = (id(here.archive()), request.user.get_username(), origin(request), action, uid)
    now = time.monotonic()
    with _guard:
        if now - _seen.get(key, -_LASTS) < _LASTS:
            return
        _seen[key] = now
        _seen.move_to_end(key)
        while len(_seen) > _MOST:
            _seen.popitem(last=False)
    note(request, action, uid)
