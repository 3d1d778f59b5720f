"""Rights: what each role may do, and which studies an account may see."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Protocol

from medarchive.archive.archive import Archive
from medarchive.dicom.query import UNIQUE, Exact, Key, Level, Query, Scope
from medarchive.errors import NotFound

__all__ = ["ROLES", "Account", "Permission", "Role", "may", "sees", "within"]

Role = Literal["viewer", "clinician", "archivist", "administrator"]
Permission = Literal[
    "view",  # search, look, similar images
    "download",
    "upload",
    "detect",  # have images read
    "correct",  # confirm and reject what was read
    "share",  # let another account see a study
    "delete",
    "operate",  # jobs, storage, policies
    "administer",  # accounts, audit
]

_VIEWER: frozenset[Permission] = frozenset(("view", "download"))
_CLINICIAN: frozenset[Permission] = _VIEWER | {"upload", "detect", "correct", "share"}
_ARCHIVIST: frozenset[Permission] = _VIEWER | {"upload", "detect", "delete", "operate"}
ROLES: Mapping[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "clinician": _CLINICIAN,
    "archivist": _ARCHIVIST,
    "administrator": _CLINICIAN | _ARCHIVIST | {"administer"},
}
"""What each role may do. There is no superuser: an administrator has what stands here."""


class Account(Protocol):
    """What rights are asked of: ``accounts.models.User``, or nobody."""

    @property
    def is_authenticated(self) -> bool: ...
    @property
    def role(self) -> str: ...
    def scope(self) -> Scope | None:
        """The studies that it may see; None: all."""
        ...


def may(account: Account, permission: Permission) -> bool:
    """Whether an account may do something at all; a stranger may do nothing."""
    return bool(account.is_authenticated) and permission in ROLES.get(account.role, frozenset())


def within(account: Account, query: Query) -> Query:
    """The query, with nothing in its answers that the account may not see."""
    return replace(query, scope=account.scope())


def sees(archive: Archive, account: Account, level: Level, uid: str) -> None:
    """Return where an account may see the entity of a UID (or Patient ID).

    Raises:
        NotFound: it may not, or there is none: the two cannot be told apart from outside.
    """
    key = Key(UNIQUE[level], Exact(uid), level, "LO" if level is Level.PATIENT else "UI")
    if not archive.count(Query(level, (key,), scope=account.scope())):
        raise NotFound(f"{level.lower()} {uid}: not here")
