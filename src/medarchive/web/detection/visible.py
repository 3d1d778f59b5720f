"""Visible: which of many images an account may see."""

from collections.abc import Callable, Iterable

from medarchive.archive.alike import Likeness
from medarchive.dicom.query import UNIQUE, Key, Level, OneOf, Query
from medarchive.web import here
from medarchive.web.pages.entities import Values, key
from medarchive.web.rights import Account, within

__all__ = ["Series", "series", "series_below", "series_of", "visible"]

Series = tuple[str, str]
"""Study and Series Instance UID: some makers give series of two studies the same one."""


def visible(account: Account) -> Callable[[Likeness], bool] | None:
    """Whether an account may see a similar image; None where it may see all. Its studies are looked up once."""
    if account.scope() is None:
        return None
    found = here.archive().find(within(account, Query(Level.STUDY, ())))
    studies = {match.values["StudyInstanceUID"] for match in found}
    return lambda each: each.study_uid in studies


def series_below(account: Account, level: Level, uid: str) -> dict[Series, Values]:
    """The series below a UID or Patient ID that an account may see, and their values."""
    query = within(account, Query(_with_series(level), (key(level, uid),)))
    return {series(match.values): match.values for match in here.archive().find(query)}


def series(values: Values) -> Series:
    """Which series an answer is about."""
    return values["StudyInstanceUID"], values["SeriesInstanceUID"]


def series_of(account: Account, uids: Iterable[str]) -> dict[str, list[Values]]:
    """By UID of a study, series or instance, its series that an account may see; UIDs without any are left out."""
    wanted = tuple(dict.fromkeys(uid for uid in uids if uid))
    found: dict[str, list[Values]] = {}
    for level in (Level.STUDY, Level.SERIES, Level.IMAGE) if wanted else ():
        some = Key(UNIQUE[level], OneOf(wanted), level, "UI")
        query = within(account, Query(_with_series(level), (some,)))
        for match in here.archive().find(query):
            found.setdefault(match.values[UNIQUE[level]], []).append(match.values)
    return found


def _with_series(level: Level) -> Level:
    """The level at which a question about entities of another one is answered with their series."""
    return Level.IMAGE if level is Level.IMAGE else Level.SERIES
