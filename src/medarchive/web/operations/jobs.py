"""Jobs: the work behind, and what of it failed."""

from dataclasses import dataclass
from itertools import islice

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods

from medarchive.archive.audit import Event
from medarchive.archive.jobs import Job
from medarchive.archive.targets import Target
from medarchive.web import here
from medarchive.web.gate import needs, origin
from medarchive.web.operations.numbers import number_in
from medarchive.web.operations.sight import Sight

__all__ = ["jobs"]

_PAGE = 100
_STATES = ("failed", "leased", "waiting")
_PAGES = {"instance": "instance", "series": "series", "group": "series"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A job as it is shown. Of a job that is none of the account's business there is no target and no error."""

    job: Job
    target: Target | None
    link: str
    error: str


@needs("operate")
@require_http_methods(["GET", "POST"])
def jobs(request: HttpRequest) -> HttpResponse:
    """List jobs; or, by POST, let the failed ones, or one of them, be tried again."""
    if request.method == "POST":
        return _retry(request)
    archive = here.archive()
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    found = archive.jobs(state=state, kind=kind, after=number_in(request.GET.get("after", "")) or 0)
    listed = list(islice(found, _PAGE + 1))
    shown = listed[:_PAGE]
    targets, sight = archive.targets(shown), Sight(request.user)
    queues = archive.overview().queues
    later = request.GET.copy()
    later["after"] = str(shown[-1].id) if shown else ""
    return render(
        request,
        "web/operations/jobs.html",
        {
            "lines": [_line(job, targets.get(job.id), sight) for job in shown],
            "later": later.urlencode() if len(listed) > _PAGE else "",
            "earlier": "after" in request.GET,
            "states": _STATES,
            "kinds": [queue.kind for queue in queues],
            "state": state,
            "kind": kind,
            "failed": sum(queue.failed for queue in queues),
        },
    )


def _retry(request: HttpRequest) -> HttpResponse:
    archive = here.archive()
    one = number_in(request.POST.get("job", ""))
    count = archive.retry(one)
    what = f"job {one} retried" if one is not None and count else f"{count} jobs retried"
    archive.audit.note(Event("configure", request.user.get_username(), origin(request), "web", detail=what))
    if count:
        messages.success(request, f"{count} failed job{'s' * (count != 1)} will be tried again.")
    else:
        messages.warning(request, "No failed job was left to be tried again.")
    return redirect(f"{reverse('jobs')}?state=failed" if one is not None else "jobs")


def _line(job: Job, target: Target | None, sight: Sight) -> _Line:
    if not (target and sight.study(target.study_uid)) and not sight.all:
        return _Line(job, None, "", "")
    link = ""
    if target is not None and target.what in _PAGES:
        try:
            link = reverse(_PAGES[target.what], args=[target.uid])
        except NoReverseMatch:  # a UID that no address can have
            link = ""
    return _Line(job, target, link, job.error)
