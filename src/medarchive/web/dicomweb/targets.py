"""Targets: the instances that a path names, as far as the account may see them."""

from dataclasses import dataclass
from typing import Self

from django.http import HttpRequest

from medarchive.dicom.query import UNIQUE, Exact, Key, Level, Match, Query
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.rights import within

__all__ = ["Target", "root", "targets"]

_FIELDS = frozenset((*UNIQUE.values(), "AvailableTransferSyntaxUID", "Rows", "Columns"))


@dataclass(frozen=True, slots=True)
class Target:
    """One instance, as the catalogue has it.

    Attributes:
        uid: SOP Instance UID.
        study: Study Instance UID.
        series: Series Instance UID.
        syntax: transfer syntax UID in which it is stored.
        sha256: of its Part 10 file.
        size: of that, in bytes.
        image: whether it has rows and columns.
    """

    uid: str
    study: str
    series: str
    syntax: str
    sha256: str
    size: int
    image: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """Of an answer at the IMAGE level."""
        values = match.values
        return cls(
            values["SOPInstanceUID"],
            values["StudyInstanceUID"],
            values["SeriesInstanceUID"],
            values["AvailableTransferSyntaxUID"],
            values["sha256"],
            int(values["size"]),
            bool(values["Rows"] and values["Columns"]),
        )

    @property
    def path(self) -> str:
        """Its path below the root of the service."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.uid}"


def targets(request: HttpRequest, study: str, series: str = "", instance: str = "") -> list[Target]:
    """The instances of a study, series or the one instance, by the numbers of their series and their own.

    Raises:
        NotFound: there is none that the account may see.
    """
    named = ((Level.STUDY, study), (Level.SERIES, series), (Level.IMAGE, instance))
    keys = tuple(Key(UNIQUE[level], Exact(uid), level, "UI") for level, uid in named if uid)
    order = () if instance else ("SeriesNumber", "InstanceNumber")
    query = within(request.user, Query(Level.IMAGE, keys, order=order, fields=_FIELDS))
    found = [Target.of(match) for match in here.archive().find(query)]
    if not found:
        level, uid = next((level, uid) for level, uid in reversed(named) if uid)
        raise NotFound(f"{level.lower()} {uid}: not here")
    return found


def root(request: HttpRequest) -> str:
    """The address of the service as the client sees it, without a / at its end."""
    from django.urls import reverse  # noqa: PLC0415  # the table of addresses names this package

    return str(request.build_absolute_uri(reverse("dicomweb")).rstrip("/"))
