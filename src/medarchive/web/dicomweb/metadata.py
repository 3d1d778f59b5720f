"""Metadata: data sets as DICOM JSON, without bulk data (PS3.18 10.4, the metadata resources)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from medarchive.dicom.query import UNIQUE, Exact, Key, Level, Query
from medarchive.errors import DicomError, LimitExceeded
from medarchive.web import here
from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import told
from medarchive.web.dicomweb.model import dicom_json
from medarchive.web.dicomweb.rows import dumped, row
from medarchive.web.dicomweb.sending import unchanged
from medarchive.web.dicomweb.targets import Target, root, targets
from medarchive.web.gate import needs
from medarchive.web.visits import visit

__all__ = ["JSON", "metadata"]

JSON = (Offer("application/dicom+json"), Offer("application/json"))
_AT_ONCE = 64
"""Instances whose data sets are read before the first of them leaves."""


@needs("view", program=True)
@told
def metadata(request: HttpRequest, study: str, series: str = "", instance: str = "") -> HttpResponseBase:
    """The data sets of a study, a series or one instance."""
    media = chosen(ranges(request), JSON).media
    found = targets(request, study, series, instance)
    address = root(request)
    tag = _tag(found, address)
    known = unchanged(request, tag)
    if known is not None:
        return known
    visit(request, study, "study")
    first = _written(found[:_AT_ONCE], address)
    answer: HttpResponseBase
    if len(found) <= _AT_ONCE:
        answer = HttpResponse(b"[" + first + b"]", content_type=media)
    else:
        answer = StreamingHttpResponse(_all(first, found[_AT_ONCE:], address), content_type=media)
    answer["ETag"] = tag
    return answer


async def _all(first: bytes, others: Sequence[Target], address: str) -> AsyncIterator[bytes]:
    yield b"[" + first
    for start in range(0, len(others), _AT_ONCE):
        yield b"," + await asyncio.to_thread(_written, others[start : start + _AT_ONCE], address)
    yield b"]"


def _written(some: Sequence[Target], address: str) -> bytes:
    return b",".join(dumped(_data_set(target, address)) for target in some)


def _data_set(target: Target, address: str) -> dict[str, Any]:
    """Of an object whose structure nothing can follow: what is indexed of it."""
    try:
        uri = f"{address}{target.path}/bulkdata"
        answer = here.archive().opened(target.uid, lambda opened: dicom_json(opened, uri))
    except (DicomError, LimitExceeded):
        key = Key(UNIQUE[Level.IMAGE], Exact(target.uid), Level.IMAGE, "UI")
        answer = row(next(here.archive().find(Query(Level.IMAGE, (key,)))))
    answer.setdefault("00083002", {"vr": "UI", "Value": [target.syntax]})
    return answer


def _tag(found: Sequence[Target], address: str) -> str:
    """Changes with the instances, with what is stored of each, and with the address that is written into it."""
    digest = hashlib.sha256("\n".join((address, *(target.sha256 for target in found))).encode())
    return f'W/"{digest.hexdigest()[:32]}"'
