"""Files that the command line writes: whole under their name, or not at all."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from medarchive.errors import Conflict

__all__ = ["write_once"]

_CHUNK = 1 << 20


def write_once(path: Path, stream: BinaryIO, *, replace: bool) -> int:
    """Write a stream to a file, under a name of its own until it is complete.

    Args:
        path: the file.
        stream: what to write.
        replace: whether a file of other content may be replaced.

    Returns:
        The number of bytes.

    Raises:
        Conflict: there is a file of this name with other content, and ``replace`` is not set.
    """
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with part.open("xb") as file:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            size = file.tell()
        if not replace and path.exists() and _hash(path) != digest.digest():
            raise Conflict(f"{path} is there already, with other content; --force replaces it")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
