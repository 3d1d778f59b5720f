"""Download: objects byte for byte as they were received; a study or a series as a zip archive."""

import re
from collections import Counter
from collections.abc import Generator, Iterator
from functools import partial

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from medarchive.dicom.query import Level
from medarchive.errors import MedarchiveError
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import Values, image, under
from medarchive.web.pages.zipped import Member, zipped
from medarchive.web.pieces import Pieces
from medarchive.web.visits import note

__all__ = ["download_instance", "download_series", "download_study"]

_CHUNK = 1 << 20


@needs("download")
def download_study(request: HttpRequest, uid: str) -> StreamingHttpResponse:
    """A study as a zip archive: a folder for each series, a file for each instance."""
    return _zip(request, Level.STUDY, uid)


@needs("download")
def download_series(request: HttpRequest, uid: str) -> StreamingHttpResponse:
    """A series as a zip archive."""
    return _zip(request, Level.SERIES, uid)


@needs("download")
def download_instance(request: HttpRequest, uid: str) -> HttpResponse:
    """An object's file."""
    record = image(request, uid)
    file = here.archive().load(uid)
    note(request, "download", uid, "instance")
    pieces = Pieces(iter(partial(file.read, _CHUNK), b""), file.close)
    answer = _streamed(pieces, "application/dicom", f"{_safe(uid)}.dcm")
    answer["Content-Length"] = str(record.size)
    return answer


def _zip(request: HttpRequest, level: Level, uid: str) -> StreamingHttpResponse:
    found = under(request, Level.IMAGE, level, uid)
    note(request, "download", uid, f"{level.lower()}, {len(found)} instances")
    archive = here.archive()
    load = archive.ahead(archive.records([values["SOPInstanceUID"] for values in found])).load
    members = [
        Member(name, float(values["received_at"] or 0), partial(load, values["SOPInstanceUID"]))
        for values, name in zip(found, _names(found), strict=True)
    ]
    chunks = _watched(request, uid, zipped(members))
    return _streamed(Pieces(chunks, chunks.close), "application/zip", f"{level.lower()}-{_safe(uid)}.zip")


def _names(found: list[Values]) -> Iterator[str]:
    """A path for each: ``3-CT-Chest/0012.dcm``, of series and instance number; no two are the same."""
    folders: dict[tuple[str, str], str] = {}
    taken: Counter[str] = Counter()
    for values in found:
        series = (values["StudyInstanceUID"], values["SeriesInstanceUID"])
        if series not in folders:
            said = (values["SeriesNumber"] or "0", values["Modality"], values["SeriesDescription"])
            folders[series] = _once(taken, "-".join(filter(None, map(_safe, said))) or "series", "")
        number = values["InstanceNumber"]
        name = f"{int(number):04d}" if re.fullmatch(r"\d{1,9}", number) else _safe(number) or "0000"
        yield _once(taken, f"{folders[series]}/{name}", ".dcm")


def _once(taken: Counter[str], name: str, ending: str) -> str:
    """A name that nobody has yet, in lower case or not."""
    number = taken[name.lower()]
    taken[name.lower()] += 1
    return _once(taken, f"{name}-{number + 1}", ending) if number else f"{name}{ending}"


def _safe(text: str) -> str:
    """A text as part of a file's name on any system: no separators, no dots at its ends, not too long."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:64].rstrip("-.")


def _streamed(pieces: Pieces, kind: str, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _watched(request: HttpRequest, uid: str, chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same; where it breaks off, the audit record says so."""
    try:
        yield from chunks
    except MedarchiveError as error:
        note(request, "download", uid, f"broke off: {error}", "failed")
        raise
