"""STOW-RS: objects come in by POST, one by one off the wire (PS3.18 10.5)."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.http import parse_header_parameters

from medarchive.errors import MedarchiveError, NotDicom
from medarchive.web import here
from medarchive.web.dicomweb.described import Bulk, described
from medarchive.web.dicomweb.multipart import BadBody, Part, parts
from medarchive.web.dicomweb.storing import response, status
from medarchive.web.gate import needs, origin
from medarchive.web.intake.intake import Intake, Offered, Outcome
from medarchive.web.intake.room import batches, taken

__all__ = ["stow"]

_DICOM, _JSON, _MULTIPART = "application/dicom", "application/dicom+json", "multipart/related"
_CHUNK = 1 << 18
_MOST_METADATA = 64 << 20
_UID = re.compile(r"[0-9.]{1,64}")
_ACCEPTED = (_JSON, "application/json", "application/*", "*/*")


@needs("upload", program=True)
def stow(request: HttpRequest, study: str = "") -> HttpResponse:
    """Store what comes; every object that is named as stored in the answer is durable."""
    kind, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    content = parameters.get("type", _DICOM).lower() if kind == _MULTIPART else kind
    if kind not in (_DICOM, _JSON, _MULTIPART) or content not in (_DICOM, _JSON):
        return _plain(415, f"send {_MULTIPART} with type {_DICOM} or {_JSON}, or {_DICOM} alone")
    if not _acceptable(request.headers.get("Accept", "*/*")):
        return _plain(406, f"the answer is {_JSON}")
    if study and not _UID.fullmatch(study):
        return _plain(400, "the Study Instance UID in the address is none")
    body = _Body(request, kind, parameters.get("boundary", ""))
    outcomes: list[Outcome] = []
    with Intake(here.archive(), request.user, origin(request)) as intake:
        offered = body.objects(study) if content == _DICOM else body.described(study)
        try:
            for batch in batches(offered):
                outcomes += intake.take(batch)
        except (BadBody, UnreadablePostError) as error:
            if not any(outcome.result != "refused" for outcome in outcomes):
                return _plain(400, str(error))
            outcomes.append(intake.refuse("the rest", NotDicom(str(error))))
    if not outcomes:
        return _plain(400, "there is no object in the body")
    root = request.build_absolute_uri(request.path).partition("/studies")[0]
    answer = JsonResponse(response(outcomes, root), status=status(outcomes), content_type=_JSON)
    if answer.status_code == 503:
        answer["Retry-After"] = "5"
    return answer


class _Body:
    """What came, object by object."""

    def __init__(self, request: HttpRequest, kind: str, boundary: str) -> None:
        self._request = request
        self._multipart = kind == _MULTIPART
        self._boundary = boundary
        self._folder = here.archive().incoming()
        self._most = here.archive().settings.max_object_bytes

    def objects(self, study: str) -> Iterator[Offered]:
        """Part 10 files.

        Raises:
            BadBody, UnreadablePostError: the body breaks off, or is no multipart body.
        """
        for number, part in enumerate(self._parts(), 1):
            name = f"part {number}"
            kind = parse_header_parameters(part.headers.get("content-type", _DICOM))[0]
            try:
                if kind != _DICOM:
                    raise NotDicom(f"{name} is {kind[:64]}, not {_DICOM}")
                file = taken(part.chunks, self._folder, self._most)
            except MedarchiveError as error:
                yield Offered(name, _raising(error), study)
            else:
                yield Offered(name, _giving(file), study)

    def described(self, study: str) -> Iterator[Offered]:
        """Objects that come as metadata and bulk data.

        Raises:
            BadBody, UnreadablePostError: see ``objects``; or there is no metadata.
        """
        metadata = b""
        bulks: dict[str, list[Bulk]] = {}
        with contextlib.ExitStack() as files:
            try:
                for number, part in enumerate(self._parts()):
                    if number == 0:
                        with taken(part.chunks, self._folder, _MOST_METADATA) as file:
                            metadata = file.read()
                    else:
                        file = files.enter_context(taken(part.chunks, self._folder, self._most))
                        bulks.setdefault(part.headers.get("content-location", ""), []).append(_bulk(part, file))
                found = described(metadata, bulks, self._request.build_absolute_uri())
                for number, one in enumerate(found, 1):
                    give = _raising(one) if isinstance(one, Exception) else _giving(one)
                    yield Offered(f"object {number}", give, study)
            except MedarchiveError as error:
                raise BadBody(str(error)) from error

    def _parts(self) -> Iterator[Part]:
        if self._multipart:
            yield from parts(self._request.read, self._boundary)
        else:
            chunks = iter(lambda: self._request.read(_CHUNK), b"")
            first = next(chunks, None)
            if first is not None:
                yield Part({}, _before(first, chunks))


def _before(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _bulk(part: Part, file: BinaryIO) -> Bulk:
    kind, parameters = parse_header_parameters(part.headers.get("content-type", "application/octet-stream"))
    size = file.seek(0, 2)
    return Bulk(file, size, kind, parameters.get("transfer-syntax", ""))


def _giving(file: BinaryIO) -> Callable[[], BinaryIO]:
    return lambda: file


def _raising(error: Exception) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        raise error

    return opened


def _acceptable(accept: str) -> bool:
    """Whether the client takes our answer."""
    return any(parse_header_parameters(each.strip())[0] in _ACCEPTED for each in accept.split(","))


def _plain(status_code: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status_code, content_type="text/plain; charset=utf-8")
