"""The dashboard: bytes in, bytes kept, what waits, how much room there is."""

import time
from collections.abc import Callable, Iterable

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.archive.overview import Overview
from medarchive.archive.stats import Group, Stats
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.operations.plots import bars, columns
from medarchive.web.words import bytes_in_words

__all__ = ["dashboard"]

_FRESH = 5
"""Seconds for which the figures of a large archive are shown again."""
_FULL = 0.1
"""Share of the disk that should stay free."""
_LATE = 3600.0
"""Seconds after which a job that could run is late."""


@needs("operate")
def dashboard(request: HttpRequest) -> HttpResponse:
    """How the archive is doing."""
    stats, overview = _figures()
    now = time.time()
    troubles = []
    if stats.jobs_failed:
        count = stats.jobs_failed
        troubles.append(f"{count} job{'s' * (count != 1)} failed and wait{'s' * (count == 1)} for a person.")
    if overview.oldest is not None and now - overview.oldest > _LATE:
        troubles.append("A job could have run for more than an hour: is a process of jobs running?")
    if overview.free_bytes < _FULL * overview.total_bytes:
        troubles.append(f"Only {bytes_in_words(overview.free_bytes)} of the disk are free.")
    if overview.checked is not None and not overview.checked.sound:
        troubles.append(f"The last check found {overview.checked.detail}. Run medarchive check to see them.")
    days = [(day.date.isoformat(), f"{day.instances} instances", float(day.bytes_in)) for day in overview.days]
    longest = max((total.bytes_in for total in _totals(stats.groups, lambda group: group.modality)), default=0)
    return render(
        request,
        "web/operations/dashboard.html",
        {
            "stats": stats,
            "overview": overview,
            "troubles": troubles,
            "ratio": stats.bytes_in / stats.bytes_kept if stats.bytes_kept else None,
            "modalities": _plotted(_totals(stats.groups, lambda group: group.modality), longest),
            "codecs": _plotted(_totals(stats.groups, lambda group: group.codec), longest),
            "days": columns(days),
            "most": bytes_in_words(max(day.bytes_in for day in overview.days)),
            "objects": sum(day.instances for day in overview.days),
            "waited": (now - overview.oldest) / 60 if overview.oldest is not None else None,
        },
    )


def _figures() -> tuple[Stats, Overview]:
    found = cache.get("figures")
    if found is None:
        archive = here.archive()
        found = archive.stats(), archive.overview()
        cache.set("figures", found, _FRESH)
    return found


def _totals(groups: Iterable[Group], of: Callable[[Group], str]) -> list[Group]:
    """Groups added up by one of their names, the largest first."""
    found: dict[str, Group] = {}
    for group in groups:
        name = of(group) or "unknown"
        before = found.get(name, Group(name, name, 0, 0, 0))
        found[name] = Group(
            name,
            name,
            before.instances + group.instances,
            before.bytes_in + group.bytes_in,
            before.bytes_kept + group.bytes_kept,
        )
    return sorted(found.values(), key=lambda each: -each.bytes_in)


def _plotted(totals: list[Group], longest: float) -> list[dict[str, object]]:
    """For each of them its figures, and two bars: what came in, and what is kept."""
    came = bars([(each.modality, bytes_in_words(each.bytes_in), each.bytes_in) for each in totals], longest=longest)
    kept = bars([(each.modality, bytes_in_words(each.bytes_kept), each.bytes_kept) for each in totals], longest=longest)
    return [
        {
            "name": total.modality,
            "total": total,
            "ratio": total.bytes_in / total.bytes_kept if total.bytes_kept else None,
            "came": came[number],
            "kept": kept[number],
        }
        for number, total in enumerate(totals)
    ]
