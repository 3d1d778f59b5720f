"""Deletion: what goes is shown before it goes, and can be brought back for a while."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from medarchive.archive.deleted import Deleted
from medarchive.dicom.query import UNIQUE, Level
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import image, images, one
from medarchive.web.templatetags.dicom import address
from medarchive.web.visits import note

__all__ = ["bring_back", "delete_instance", "delete_series", "delete_study", "deleted"]

_ABOVE = {Level.IMAGE: Level.SERIES, Level.SERIES: Level.STUDY}
_PLAIN = {Level.STUDY: "study", Level.SERIES: "series", Level.IMAGE: "instance"}


@needs("delete")
@require_http_methods(["GET", "HEAD", "POST"])
def delete_study(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a study out of sight."""
    return _delete(request, Level.STUDY, uid)


@needs("delete")
@require_http_methods(["GET", "HEAD", "POST"])
def delete_series(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a series out of sight."""
    return _delete(request, Level.SERIES, uid)


@needs("delete")
@require_http_methods(["GET", "HEAD", "POST"])
def delete_instance(request: HttpRequest, uid: str) -> HttpResponse:
    """Take an instance out of sight."""
    return _delete(request, Level.IMAGE, uid)


def _delete(request: HttpRequest, level: Level, uid: str) -> HttpResponse:
    values = one(request, level, uid)
    records = [image(request, uid)] if level is Level.IMAGE else images(request, level, uid)
    shown = {
        "what": _PLAIN[level],
        "values": values,
        "count": len(records),
        "size": sum(record.size for record in records),
        "days": round(here.archive().settings.undelete / 86400, 1),
        "back": reverse(_PLAIN[level], args=[uid]),
        "changed": request.method == "POST" and request.POST.get("count") != str(len(records)),
    }
    if request.method != "POST" or shown["changed"]:
        return render(request, "web/delete.html", shown, status=409 if shown["changed"] else 200)
    here.archive().delete_all([record.uid for record in records])
    note(request, "delete", uid, f"{_PLAIN[level]}, {len(records)} instances")
    messages.success(request, f"Deleted {_counted(len(records))}. The page of deleted images brings them back.")
    above = _ABOVE.get(level)
    if above is not None and any(here.archive().instances(above, [values[UNIQUE[above]]])):
        return redirect(address(values[UNIQUE[above]], _PLAIN[above]) or "worklist")
    return redirect("worklist")


@needs("delete")
def deleted(request: HttpRequest) -> HttpResponse:
    """What was deleted and can be brought back."""
    lasts = here.archive().settings.undelete
    shown = [_Gone(each, _day(each.hidden_at), _day(each.hidden_at + lasts)) for each in _visible(request)]
    return render(request, "web/deleted.html", {"gone": shown, "days": round(lasts / 86400, 1)})


@needs("delete")
@require_POST
def bring_back(request: HttpRequest) -> HttpResponse:
    """Bring the deleted instances of a series back."""
    study, series = request.POST.get("study", ""), request.POST.get("series", "")
    for each in _visible(request):
        if (each.values["StudyInstanceUID"], each.values["SeriesInstanceUID"]) == (study, series):
            here.archive().undelete_all(each.uids)
            note(request, "undelete", series, f"{len(each.uids)} instances")
            messages.success(request, f"Brought back {_counted(len(each.uids))}.")
            return redirect("deleted")
    raise Http404("nothing of this series was deleted, or it is purged")


@dataclass(frozen=True, slots=True)
class _Gone:
    series: Deleted
    on: str
    until: str


def _visible(request: HttpRequest) -> list[Deleted]:
    """The deleted series that an account may see: by study, or where some of them came from."""
    scope = request.user.scope()
    oldest = time.time() - here.archive().settings.undelete
    return [
        each
        for each in here.archive().deleted()
        if each.hidden_at >= oldest
        and (scope is None or each.values["StudyInstanceUID"] in scope.studies or bool(each.sources & scope.sources))
    ]


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _counted(count: int) -> str:
    return f"{count} object{'' if count == 1 else 's'}"
