"""Shares: one account lets another see a study."""

from django.core.exceptions import PermissionDenied

from medarchive.dicom.query import Level
from medarchive.web import here
from medarchive.web.accounts.models import SharedStudy, User
from medarchive.web.accounts.record import Actor
from medarchive.web.rights import may, sees

__all__ = ["brought", "share", "unshare"]


def share(user: User, study_uid: str, by: User, origin: str = "") -> None:
    """Let an account see a study.

    Args:
        user: who is to see it.
        study_uid: its Study Instance UID.
        by: who lets them.
        origin: the network address of whoever asks.

    Raises:
        PermissionDenied: ``by`` may not share.
        NotFound: ``by`` does not see such a study.
    """
    _check(study_uid, by)
    _, new = SharedStudy.objects.get_or_create(user=user, study_uid=study_uid, defaults={"by": by.username})
    if new:
        Actor(by.username, origin).note("share", study_uid, detail=f"with {user.username}")


def unshare(user: User, study_uid: str, by: User, origin: str = "") -> None:
    """Take a share back: one's own, or as an administrator any.

    Raises:
        PermissionDenied: ``by`` may not share, or somebody else has shared it.
        NotFound: ``by`` does not see such a study.
    """
    _check(study_uid, by)
    shared = SharedStudy.objects.filter(user=user, study_uid=study_uid).first()
    if shared is None:
        return
    if shared.by != by.username and not may(by, "administer"):
        raise PermissionDenied
    shared.delete()
    Actor(by.username, origin).note("share", study_uid, detail=f"no longer with {user.username}")


def brought(user: User, study_uid: str) -> None:
    """Let an account see what it has brought in itself."""
    SharedStudy.objects.get_or_create(user=user, study_uid=study_uid, defaults={"by": user.username})


def _check(study_uid: str, by: User) -> None:
    if not may(by, "share"):
        raise PermissionDenied
    sees(here.archive(), by, Level.STUDY, study_uid)
