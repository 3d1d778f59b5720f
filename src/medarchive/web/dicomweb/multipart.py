"""Multipart: the parts of a body one by one, as they come off the wire (RFC 2046 5.1, RFC 2387)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["BadBody", "Part", "parts"]

_CHUNK = 1 << 18
_MOST_HEADERS = 16 << 10
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


class BadBody(Exception):
    """The body is no multipart body, or breaks off. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its headers, by name in lower case, and its bytes, which are there once and before the next part is."""

    headers: dict[str, str]
    chunks: Iterator[bytes]


def parts(read: Callable[[int], bytes], boundary: str) -> Iterator[Part]:
    """The parts of a body. What of a part is not read is passed over; no more than a chunk is held in memory.

    Args:
        read: gives some of the next bytes, at most so many; none at the end.
        boundary: the parameter of the Content-Type.

    Raises:
        BadBody: as soon as it is seen.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise BadBody("the boundary of the multipart body is missing, or is none (RFC 2046 5.1.1)")
    source = _Source(read, b"\r\n--" + boundary.encode("ascii"))
    for _ in source.to_delimiter():
        pass  # the preamble
    while source.goes_on():
        part = Part(source.headers(), source.to_delimiter())
        yield part
        for _ in part.chunks:
            pass


class _Source:
    """Bytes that are looked at before they are handed on."""

    def __init__(self, read: Callable[[int], bytes], delimiter: bytes) -> None:
        self._read = read
        self._delimiter = delimiter
        self._held = b"\r\n"  # the first delimiter may stand at the very start

    def _more(self) -> None:
        chunk = self._read(_CHUNK)
        if not chunk:
            raise BadBody("the multipart body breaks off")
        self._held += chunk

    def to_delimiter(self) -> Iterator[bytes]:
        """All up to the next delimiter, which is left out."""
        keep = len(self._delimiter) - 1
        while (at := self._held.find(self._delimiter)) < 0:
            if len(self._held) > keep:
                given, self._held = self._held[:-keep], self._held[-keep:]
                yield given
            self._more()
        given, self._held = self._held[:at], self._held[at + len(self._delimiter) :]
        if given:
            yield given

    def goes_on(self) -> bool:
        """Whether another part follows the delimiter."""
        while len(self._held) < 2:
            self._more()
        if self._held.startswith(b"--"):
            return False
        line = self._up_to(b"\r\n")
        if line.strip(b" \t"):
            raise BadBody("something stands behind a boundary of the multipart body")
        return True

    def headers(self) -> dict[str, str]:
        """The headers of a part (RFC 5322 2.2)."""
        found: dict[str, str] = {}
        name, length = "", 0
        while line := self._up_to(b"\r\n"):
            length += len(line)
            if length > _MOST_HEADERS:
                raise BadBody("a part's headers are too long")
            text = line.decode("latin-1")
            if text[0] in " \t" and name:
                found[name] = f"{found[name]} {text.strip()}".strip()
                continue
            name, colon, value = text.partition(":")
            name = name.strip().lower()
            if not colon or not name:
                raise BadBody("a part has a header that is none")
            found[name] = value.strip()
        return found

    def _up_to(self, end: bytes) -> bytes:
        while (at := self._held.find(end)) < 0:
            if len(self._held) > _MOST_HEADERS:
                raise BadBody("a line of a part's headers is too long")
            self._more()
        line, self._held = self._held[:at], self._held[at + len(end) :]
        return line
