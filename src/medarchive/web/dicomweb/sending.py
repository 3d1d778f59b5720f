"""Sending: bodies that leave in pieces, of files that need not fit into memory, in one part or in several."""

import asyncio
import io
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified, StreamingHttpResponse

from medarchive.web.dicomweb.failures import RangeNotSatisfiable

__all__ = ["CHUNK", "Part", "multipart", "single", "unchanged"]

CHUNK = 1 << 18
"""Bytes that leave at a time."""
_TOGETHER = 1 << 20
"""Bytes of parts that leave as one: enough to be worth a thread, few enough to stay in its core's cache."""
_AHEAD = 1
"""How often so much is made ready while others leave."""
_AT_ONCE = 8 << 20
"""Bytes up to which a body in memory goes out as it is."""
_Opened = tuple[bytes, BinaryIO | None]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart message.

    Attributes:
        media: its content type.
        location: its address; "" for none.
        size: bytes, None where that is not known before.
        opened: gives its content, from its start; whoever asks closes it.
    """

    media: str
    location: str
    size: int | None
    opened: Callable[[], BinaryIO]


def unchanged(request: HttpRequest, tag: str) -> HttpResponse | None:
    """The answer to a client that has what this entity tag names (RFC 9110 13.1.2); None where it has not."""
    known = [each.strip().removeprefix("W/") for each in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if tag.removeprefix("W/") not in known and known != ["*"]:
        return None
    answer = HttpResponseNotModified()
    answer["ETag"] = tag
    return answer


def single(request: HttpRequest, file: BinaryIO, media: str, tag: str) -> HttpResponseBase:
    """A file as the whole body, or the range of it that is asked for (RFC 9110 14).

    Raises:
        RangeNotSatisfiable: it has no such bytes.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        first, last = _asked(request, size, tag)
    except BaseException:
        file.close()
        raise
    length = last - first
    answer: HttpResponseBase
    if isinstance(file, io.BytesIO) and length <= _AT_ONCE:
        answer = HttpResponse(file.getbuffer()[first:last] if length != size else file.getvalue(), content_type=media)
    else:
        answer = StreamingHttpResponse(_pieces(file, first, length), content_type=media)
    answer["Content-Length"] = str(length)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = tag
    if length != size:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {first}-{last - 1}/{size}"
    return answer


def multipart(media: str, parts: Sequence[Part], parameters: str = "") -> HttpResponseBase:
    """Several files, each a part of a multipart/related message (RFC 2387; PS3.18 8.6).

    The first is opened before this returns, so that what hinders it can still be said. ``media``: of the first part.
    """
    boundary = secrets.token_hex(16)
    heads = [_head(part, boundary, first=number == 0) for number, part in enumerate(parts)]
    end = f"\r\n--{boundary}--\r\n".encode("ascii")
    first = parts[0].opened()
    kind = f'multipart/related; type="{media}"; boundary={boundary}{parameters}'
    total = sum(len(head) for head in heads) + len(end)
    sizes = [part.size for part in parts]
    answer: HttpResponseBase
    if len(parts) == 1 and isinstance(first, io.BytesIO) and first.getbuffer().nbytes <= _AT_ONCE:
        answer = HttpResponse(b"".join((heads[0], first.getvalue(), end)), content_type=kind)
    else:
        answer = StreamingHttpResponse(_message(heads, parts, first, end), content_type=kind)
        known = [size for size in sizes if size is not None]
        if len(known) == len(sizes):
            answer["Content-Length"] = str(total + sum(known))
    return answer


def _head(part: Part, boundary: str, *, first: bool) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.media}"]
    lines += [f"Content-Location: {part.location}"] if part.location else []
    lines += [f"Content-Length: {part.size}"] if part.size is not None else []
    return ("" if first else "\r\n").encode("ascii") + ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


async def _message(heads: Sequence[bytes], parts: Sequence[Part], first: BinaryIO, end: bytes) -> AsyncIterator[bytes]:
    """The parts, opened in threads while those before them leave."""
    ahead: deque[asyncio.Future[_Opened]] = deque()
    others = _batches(heads, [replace(parts[0], opened=lambda: first), *parts[1:]])
    try:
        while True:
            for batch in islice(others, _AHEAD + 1 - len(ahead)):
                ahead.append(asyncio.ensure_future(asyncio.to_thread(_opened, batch)))
            if not ahead:
                break
            data, file = await ahead[0]
            ahead.popleft()
            with file or nullcontext():
                yield data
                if file is not None:
                    async for piece in _pieces(file, 0, file.seek(0, io.SEEK_END)):
                        yield piece
        yield end
    finally:
        for waiting in ahead:
            waiting.add_done_callback(_closed)


def _batches(heads: Sequence[bytes], parts: Sequence[Part]) -> Iterator[list[tuple[bytes, Part]]]:
    """Parts with what stands before them: small ones together, any other by itself."""
    batch: list[tuple[bytes, Part]] = []
    size = 0
    for head, part in zip(heads, parts, strict=True):
        if batch and (part.size is None or size + part.size > _TOGETHER):
            yield batch
            batch, size = [], 0
        batch.append((head, part))
        size += _TOGETHER if part.size is None else part.size
    yield batch


def _opened(batch: Sequence[tuple[bytes, Part]]) -> _Opened:
    """What leaves of a batch: bytes, and behind them a file that is too large to be one with them."""
    pieces = []
    for head, part in batch:
        file = part.opened()
        if len(batch) == 1 and not (isinstance(file, io.BytesIO) and file.getbuffer().nbytes <= _TOGETHER):
            return head, file
        with file:
            pieces += [head, file.getvalue() if isinstance(file, io.BytesIO) else file.read()]
    return b"".join(pieces), None


def _closed(opened: "asyncio.Future[_Opened]") -> None:
    """Close what nobody waits for any more."""
    if not opened.cancelled() and opened.exception() is None:
        file = opened.result()[1]
        if file is not None:
            file.close()


async def _pieces(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    """Some bytes of a file, read in a thread where it is on a disk."""
    with file:
        if isinstance(file, io.BytesIO):
            data = file.getvalue()
            for at in range(start, start + length, CHUNK):
                yield data[at : min(at + CHUNK, start + length)]
            return
        file.seek(start)
        while length > 0 and (piece := await asyncio.to_thread(file.read, min(CHUNK, length))):
            length -= len(piece)
            yield piece


def _asked(request: HttpRequest, size: int, tag: str) -> tuple[int, int]:
    """The first byte of the range that is asked for and the one behind its last; of all where none is."""
    said = _RANGE.fullmatch(request.META.get("HTTP_RANGE", "").replace(" ", ""))
    only_if = request.META.get("HTTP_IF_RANGE", "")
    if said is None or said[0] == "bytes=-" or (only_if and only_if != tag):
        return 0, size
    if said[1]:
        first, last = int(said[1]), min(int(said[2]) + 1 if said[2] else size, size)
    else:
        first, last = max(size - int(said[2]), 0), size
    if first >= last:
        raise RangeNotSatisfiable(f"{said[0]}: the content has {size} bytes", size)
    return first, last
