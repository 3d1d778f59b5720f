"""Intake: files and folders on disk go into the archive, one refusal at a time."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medarchive.archive.archive import Archive
from medarchive.archive.ingest import Stored
from medarchive.cli.exits import FILE_ERROR
from medarchive.errors import MedarchiveError, MissingIdentity

__all__ = ["Refused", "Taken", "files_below", "take_in"]

_DICOMDIR = "a DICOMDIR lists the objects of a medium and is none itself (PS3.10 8): ingest the folder that it lies in"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is in the archive now."""

    path: Path
    stored: Stored


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken in.

    Attributes:
        path: of the file.
        error: the class of the refusal, as in ``medarchive.errors``, or ``OSError``.
        reason: what is wrong and what to do.
        exit_code: the command line's, for this class.
    """

    path: Path
    error: str
    reason: str
    exit_code: int


def files_below(paths: Iterable[Path], but: Path | None = None) -> Iterator[Path]:
    """Files as given, and all files of folders in order of their names; links to folders are not followed.

    Args:
        paths: files and folders.
        but: a folder to leave out: the archive itself, where there is one.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, names, files in os.walk(path):
            names[:] = sorted(name for name in names if Path(folder, name).resolve() != but)
            yield from (Path(folder, file) for file in sorted(files))


def take_in(archive: Archive, files: Iterable[Path]) -> Iterator[Taken | Refused]:
    """Store files one after the other, so that they arrive in their order; what became of each."""
    for file in files:
        yield _one(archive, file)


def _one(archive: Archive, file: Path) -> Taken | Refused:
    try:
        if file.exists() and not file.is_file():
            return Refused(file, "OSError", "no regular file", FILE_ERROR)
        with file.open("rb") as stream:
            return Taken(file, archive.store(stream))
    except MissingIdentity as error:
        reason = _DICOMDIR if file.name.upper() == "DICOMDIR" else str(error)
        return Refused(file, type(error).__name__, reason, error.exit_code)
    except MedarchiveError as error:
        return Refused(file, type(error).__name__, str(error), error.exit_code)
    except OSError as error:
        return Refused(file, "OSError", error.strerror or str(error), FILE_ERROR)
