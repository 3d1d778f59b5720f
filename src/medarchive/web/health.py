"""Health: what those who run the archive watch: a sign of life for a load balancer, numbers for Prometheus."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse

from medarchive import __version__
from medarchive.errors import ArchiveError
from medarchive.web import here
from medarchive.web.front.counts import COUNTS
from medarchive.web.gate import needs, public

__all__ = ["health", "metrics"]

_KIND = "text/plain; version=0.0.4; charset=utf-8"


@public
def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Whether the archive answers. Nothing of patients, and not how many there are."""
    try:
        here.archive().waiting()
    except ArchiveError:
        return JsonResponse({"status": "busy"}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok"})


@needs("operate", program=True)
def metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Numbers in the text format of Prometheus."""
    return HttpResponse("".join(f"{line}\n" for line in _lines()), content_type=_KIND)


def _lines() -> Iterator[str]:
    stats = here.archive().stats()
    yield from _metric("info", "gauge", "What runs here.", [(f'version="{__version__}"', 1)])
    entities = ("patients", "studies", "series", "instances")
    yield from _metric(
        "entities", "gauge", "What is stored.", [(f'level="{name}"', getattr(stats, name)) for name in entities]
    )
    deleted = [("", stats.deleted)]
    yield from _metric("deleted_instances", "gauge", "Deleted instances that can be brought back.", deleted)
    yield from _metric("stored_bytes", "gauge", "All blobs of the store.", [("", stats.bytes_stored)])
    groups = [(f'modality="{_escaped(one.modality)}",codec="{_escaped(one.codec)}"', one) for one in stats.groups]
    for name, text in (("bytes_in", "Bytes as they were received."), ("bytes_kept", "Bytes that are kept for them.")):
        yield from _metric(name, "gauge", text, [(labels, getattr(one, name)) for labels, one in groups])
    states = [('state="waiting"', stats.jobs_waiting), ('state="failed"', stats.jobs_failed)]
    yield from _metric("jobs", "gauge", "Work behind.", states)
    answers = [(f'status="{status}"', number) for status, number in sorted(COUNTS.answers.items())]
    yield from _metric("web_answers_total", "counter", "Answers of this process of the web.", answers)
    yield from _metric("web_requests_under_way", "gauge", "Requests that are being answered.", [("", COUNTS.under_way)])
    yield from _metric("web_received_bytes_total", "counter", "Bodies of requests.", [("", COUNTS.bytes_in)])
    yield from _metric("web_sent_bytes_total", "counter", "Bodies of answers.", [("", COUNTS.bytes_out)])


def _metric(name: str, kind: str, text: str, values: list[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP medarchive_{name} {text}"
    yield f"# TYPE medarchive_{name} {kind}"
    for labels, value in values:
        yield f"medarchive_{name}{{{labels}}} {value}" if labels else f"medarchive_{name} {value}"


def _escaped(label: str) -> str:
    """A label's value; DICOM strings may hold anything."""
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
