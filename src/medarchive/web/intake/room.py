"""Room: a place for something that comes in, in memory while it is small, then in a file without a name."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from medarchive.errors import LimitExceeded

__all__ = ["TOGETHER", "batches", "room", "taken"]

Thing = TypeVar("Thing")
_IN_MEMORY = 1 << 20
TOGETHER = 32
"""Objects that are stored together."""


def room(folder: Path) -> BinaryIO:
    """A file to write to; it vanishes when it is closed.

    Args:
        folder: on the archive's file system, ``Archive.incoming``: /tmp may be small, and may be memory.
    """
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)))


def taken(chunks: Iterable[bytes], folder: Path, most: int) -> BinaryIO:
    """A file with these bytes, at its start.

    Raises:
        LimitExceeded: there are more than ``most``. What is too much goes nowhere, to its end.
    """
    file, size = room(folder), 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size <= most:
                file.write(chunk)
        if size > most:
            raise LimitExceeded(f"the object has {size} bytes, more than {most}; raise the setting max_object_bytes")
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def batches(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    """Things in groups that are stored together. Those that came before an error are a group, too, and go first."""
    iterator, trouble = iter(things), None
    while trouble is None:
        batch: list[Thing] = []
        try:
            batch.extend(islice(iterator, TOGETHER))
        except Exception as error:  # noqa: BLE001  # raised below
            trouble = error
        if batch:
            yield batch
        elif trouble is None:
            return
    raise trouble
