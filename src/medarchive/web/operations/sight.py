"""Sight: of which studies the pages of operation may say anything to an account."""

from medarchive.dicom.query import Level, Query
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.rights import Account, sees, within

__all__ = ["Sight"]


class Sight:
    """What one account sees, looked up once for a page."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[str, bool] = {}
        self.all = account.scope() is None

    def study(self, uid: str) -> bool:
        """Whether it may know of a study; of what is of no study, only where it sees all."""
        if self.all or not uid:
            return self.all
        if uid not in self._known:
            try:
                sees(here.archive(), self._account, Level.STUDY, uid)
                self._known[uid] = True
            except NotFound:
                self._known[uid] = False
        return self._known[uid]

    def series(self) -> list[str] | None:
        """The Series Instance UIDs that it sees; None: all."""
        if self.all:
            return None
        found = here.archive().find(within(self._account, Query(Level.SERIES, ())))
        return [match.values["SeriesInstanceUID"] for match in found]
