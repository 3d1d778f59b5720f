"""Mine: what an account asked for, what it said of findings, and what it looked at."""

from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.web import here
from medarchive.web.detection.shown import in_words, shown
from medarchive.web.detection.visible import Series, series, series_of
from medarchive.web.gate import needs
from medarchive.web.pages.badges import readings
from medarchive.web.pages.entities import Values

__all__ = ["mine"]

_MOST = 50
_BACK = 500
"""So many visits back studies are looked for."""


@needs("view")
def mine(request: HttpRequest) -> HttpResponse:
    """The newest of each; what the account may not see any more is not named."""
    audit, name = here.archive().audit, request.user.get_username()
    asked = list(audit.events(equal={"who": name, "action": "detect", "face": "web"}, limit=_MOST))
    visits = audit.events(equal={"who": name, "action": "view", "face": "web"}, limit=_BACK)
    viewed = list(islice({event.object: event for event in visits}.items(), _MOST))
    said = [each for each in here.archive().corrections() if each[1].by == name][: -_MOST - 1 : -1]
    uids = [event.object for event in asked] + [uid for uid, _ in viewed] + [each.series_uid for each, _ in said]
    known = series_of(request.user, uids)
    current = _Current()
    page = {
        "asked": [{"event": event, "series": current.of(known.get(event.object, []))} for event in asked],
        "said": [
            {
                "finding": finding,
                "words": in_words(finding.finding),
                "correction": correction,
                "label": in_words(correction.label),
                "series": values,
            }
            for finding, correction in said
            for values in known.get(finding.series_uid, [])
            if finding.series == series(values)
        ],
        "viewed": [{"event": event, "series": current.of(known[uid])} for uid, event in viewed if uid in known],
    }
    return render(request, "web/detection/mine.html", page)


class _Current:
    """What stands of series now; each is looked up once."""

    def __init__(self) -> None:
        self._known: dict[Series, list[dict[str, Any]]] = {}

    def of(self, some: list[Values]) -> list[dict[str, Any]]:
        """Of each, its values and its newest reading; only those that were read, where any was."""
        every = [{"values": values, "current": self._read(series(values))} for values in some]
        return [each for each in every if each["current"]] or every[:1]

    def _read(self, which: Series) -> list[dict[str, Any]]:
        if which not in self._known:
            found = [each for each in readings(which[1]) if each.series == which and each.superseded_at is None]
            self._known[which] = [shown(each) for each in found]
        return self._known[which]
