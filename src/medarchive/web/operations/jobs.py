"""Jobs: the work behind, and what of it failed."""

from itertools import islice

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from medarchive.archive.audit import Event
from medarchive.web import here
from medarchive.web.gate import needs, origin

__all__ = ["jobs"]

_MOST = 500
_STATES = ("failed", "leased", "waiting")


@needs("operate")
@require_http_methods(["GET", "POST"])
def jobs(request: HttpRequest) -> HttpResponse:
    """List jobs; or, by POST, let the failed ones be tried again."""
    archive = here.archive()
    if request.method == "POST":
        count = archive.retry()
        archive.audit.note(
            Event(
                "configure", request.user.get_username(), origin(request), "web", "", "success", f"{count} jobs retried"
            )
        )
        messages.success(request, f"{count} failed jobs will be tried again.")
        return redirect("jobs")
    state = request.GET.get("state", "")
    kind = request.GET.get("kind", "")
    found = (job for job in archive.jobs() if state in ("", job.state) and kind in ("", job.kind))
    listed = list(islice(found, _MOST + 1))
    queues = archive.overview().queues
    return render(
        request,
        "web/operations/jobs.html",
        {
            "jobs": listed[:_MOST],
            "more": len(listed) > _MOST,
            "most": _MOST,
            "states": _STATES,
            "kinds": [queue.kind for queue in queues],
            "state": state,
            "kind": kind,
            "failed": sum(queue.failed for queue in queues),
        },
    )
