"""Visible: which of many images an account may see."""

from collections.abc import Callable

from medarchive.archive.alike import Likeness
from medarchive.dicom.query import UNIQUE, Exact, Key, Level, Query
from medarchive.web import here
from medarchive.web.rights import Account, within

__all__ = ["series_below", "visible"]


def visible(account: Account) -> Callable[[Likeness], bool] | None:
    """Whether an account may see a similar image; None where it may see all. Its studies are looked up once."""
    if account.scope() is None:
        return None
    found = here.archive().find(within(account, Query(Level.STUDY, ())))
    studies = {match.values["StudyInstanceUID"] for match in found}
    return lambda each: each.study_uid in studies


def series_below(account: Account, level: Level, uid: str) -> dict[str, dict[str, str]]:
    """The series below a UID or Patient ID that an account may see: their values by Series Instance UID."""
    key = Key(UNIQUE[level], Exact(uid), level, "LO" if level is Level.PATIENT else "UI")
    query = within(account, Query(Level.IMAGE if level is Level.IMAGE else Level.SERIES, (key,)))
    return {match.values["SeriesInstanceUID"]: match.values for match in here.archive().find(query)}
