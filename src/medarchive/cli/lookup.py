"""Lookup: what a person means by a UID on the command line."""

from medarchive.archive.archive import Archive
from medarchive.archive.catalog import InstanceRecord
from medarchive.dicom.query import UNIQUE, Level
from medarchive.errors import NotFound

__all__ = ["below", "instance"]


def below(archive: Archive, uid: str) -> list[InstanceRecord]:
    """The instance of a SOP Instance UID, or all instances of a series, study or Patient ID.

    Raises:
        NotFound: there is nothing of this UID.
    """
    for level in (Level.IMAGE, Level.SERIES, Level.STUDY, Level.PATIENT):
        found = list(archive.instances(level, [uid]))
        if found:
            return found
    raise NotFound(
        f"no instance, series, study or patient {uid} in this archive; `medarchive find` lists what is there"
    )


def instance(archive: Archive, uid: str) -> InstanceRecord:
    """The instance of a SOP Instance UID.

    Raises:
        NotFound: there is none; where the UID is a series' or study's, the message says how to see its instances.
    """
    try:
        return archive.instance(uid)
    except NotFound as error:
        for level in (Level.SERIES, Level.STUDY, Level.PATIENT):
            if next(archive.instances(level, [uid]), None):
                hint = f"medarchive find --level instance {UNIQUE[level]}={uid}"
                raise NotFound(f"{uid} is a {level.lower()}, not an instance; its instances: {hint}") from error
        raise
