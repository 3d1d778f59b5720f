"""Visits: that somebody looks at a study or a series is noted once in half an hour, not once a frame."""

import time

from django.http import HttpRequest

from medarchive.archive.audit import Action, Event, Outcome
from medarchive.web import here
from medarchive.web.gate import origin

__all__ = ["note", "visit"]

_LASTS = 1800.0
_MOST = 200


def note(request: HttpRequest, action: Action, uid: str, detail: str = "", outcome: Outcome = "success") -> None:
    """Add what an account did to the audit record."""
    who = request.user.get_username()
    here.archive().audit.note(Event(action, who, origin(request), "web", uid, outcome, detail))


def visit(request: HttpRequest, uid: str, what: str, *within: str) -> None:
    """Note that something is looked at, unless it was noted a while ago.

    Args:
        request: of whoever looks.
        uid: what is looked at.
        what: study or series.
        within: UIDs of what it is part of: a visit that was noted there counts.
    """
    seen = request.session.get("visits", {})
    now = time.time()
    if any(now - seen.get(each, 0.0) < _LASTS for each in (uid, *within)):
        return
    note(request, "view", uid, what)
    fresh = {each: at for each, at in seen.items() if now - at < _LASTS}
    request.session["visits"] = {**dict(list(fresh.items())[-_MOST:]), uid: now}
