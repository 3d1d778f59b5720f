"""Zipped: files as one zip archive that is written while it is sent, so that it never lies anywhere whole."""

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Member", "zipped"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a zip archive.

    Attributes:
        name: its path there.
        at: its time, seconds since 1970.
        opened: opens it; it is closed here.
    """

    name: str
    at: float
    opened: Callable[[], BinaryIO]


class _Out(io.RawIOBase):
    """Takes what is written and gives it away; zip archives are written to it as to a pipe."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes and nothing else come here
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of a zip archive, its members stored as they are."""
    out = _Out()
    with zipfile.ZipFile(out, "w", allowZip64=True) as archive:
        for member in members:
            info = zipfile.ZipInfo(member.name, time.gmtime(max(member.at, 315532800.0))[:6])
            info.external_attr = 0o644 << 16
            with member.opened() as source, archive.open(info, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield out.taken()
    yield out.taken()
