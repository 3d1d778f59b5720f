"""Entities: what an account sees of the archive. What it may not see is not there, and the two look the same (404)."""

from django.http import Http404, HttpRequest

from medarchive.archive.catalog import InstanceRecord
from medarchive.dicom.query import UNIQUE, Exact, Key, Level, Query
from medarchive.web import here
from medarchive.web.rights import within

__all__ = ["Values", "image", "images", "key", "one", "under"]

Values = dict[str, str]
"""Of one entity: keyword to value, for its level and those above it."""


def key(level: Level, value: str) -> Key:
    """The key that is one entity's UID, or Patient ID."""
    return Key(UNIQUE[level], Exact(value), level, "LO" if level is Level.PATIENT else "UI")


def under(request: HttpRequest, of: Level, above: Level, uid: str, *order: str) -> list[Values]:
    """The entities of a level that lie below another.

    Raises:
        Http404: none that the account may see.
    """
    query = within(request.user, Query(of, (key(above, uid),), order=order))
    found = [match.values for match in here.archive().find(query)]
    if not found:
        raise Http404(f"there is no {above.lower()} {uid} here")
    return found


def one(request: HttpRequest, level: Level, uid: str) -> Values:
    """An entity; of several of one UID the first.

    Raises:
        Http404: none that the account may see.
    """
    return under(request, level, level, uid)[0]


def images(request: HttpRequest, level: Level, uid: str) -> list[InstanceRecord]:
    """The instances below a study or series, in the order of their arrival.

    Raises:
        Http404: none that the account may see.
    """
    studies = {values["StudyInstanceUID"] for values in under(request, level, level, uid)}
    return [record for record in here.archive().instances(level, [uid]) if record.study_uid in studies]


def image(request: HttpRequest, uid: str) -> InstanceRecord:
    """An instance.

    Raises:
        Http404: none that the account may see.
    """
    if not here.archive().count(within(request.user, Query(Level.IMAGE, (key(Level.IMAGE, uid),)))):
        raise Http404(f"there is no instance {uid} here")
    return here.archive().instance(uid)
