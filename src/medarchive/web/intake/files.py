"""Files: what somebody uploads, as objects: DICOM as it is, what lies in a ZIP archive, pictures wrapped."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from medarchive.errors import CorruptStream, LimitExceeded, MedarchiveError, NotDicom
from medarchive.web.intake.intake import Offered
from medarchive.web.intake.kinds import kind
from medarchive.web.intake.picture import About, wrapped
from medarchive.web.intake.room import room
from medarchive.web.intake.zips import Entry, Limits, entries

__all__ = ["objects"]

_NOTHING_KNOWN = "neither a DICOM file (PS3.10) nor a ZIP archive, PNG or JPEG"
_NAME = 120


def objects(
    files: Iterable[tuple[str, BinaryIO]], folder: Path, limits: Limits, about: Callable[[], About]
) -> Iterator[Offered]:
    """The objects in some files; what is none is offered, too, and says why when it is opened.

    Args:
        files: names and contents.
        folder: where what is unpacked or wrapped may lie for a while.
        limits: for ZIP archives.
        about: whose pictures they are; raises where nobody said so.
    """
    for number, (name, file) in enumerate(files):
        if kind(file) == "zip":
            for inside, give in _unpacked(file, folder, limits, about):
                yield Offered(shown(f"{name} > {inside}" if inside else name), give, file=number)
        else:
            yield Offered(shown(name), partial(_opened, file, name, folder, about), file=number)


def shown(name: str) -> str:
    """A file's name as it may stand in a list."""
    return "".join(each if each.isprintable() else "?" for each in name)[:_NAME] or "(without a name)"


def _unpacked(
    file: BinaryIO, folder: Path, limits: Limits, about: Callable[[], About]
) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    """Names and contents; at last, without a name, why there is no more."""
    try:
        for entry in entries(file, limits):
            yield entry.name, partial(_taken_out, entry, folder, about)
    except (CorruptStream, LimitExceeded) as error:
        yield "", partial(_raise, error)


def _taken_out(entry: Entry, folder: Path, about: Callable[[], About]) -> BinaryIO:
    """A file of a ZIP archive, on disk while it is stored.

    Raises:
        NotDicom: it is a ZIP archive in a ZIP archive, or nothing that is known.
        CorruptStream, LimitExceeded: see ``Entry``.
    """
    file = room(folder)
    try:
        entry.write_to(file)
        if kind(file) == "zip":
            raise NotDicom("a ZIP archive in a ZIP archive: unpack it first")
        return _opened(file, entry.name, folder, about)
    except BaseException:
        file.close()
        raise


def _opened(file: BinaryIO, name: str, folder: Path, about: Callable[[], About]) -> BinaryIO:
    what = kind(file)
    if what == "picture":
        with contextlib.closing(file):
            return wrapped(file, name, about(), folder)
    if what == "other":
        raise NotDicom(_NOTHING_KNOWN)
    return file


def _raise(error: MedarchiveError) -> BinaryIO:
    raise error
