"""Sharing: who lets whom see a study."""

from io import BytesIO
from typing import Any

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.errors import NotFound
from web.test_accounts_entrance import noted


@pytest.fixture
def study(archive: Archive) -> str:
    archive.store(BytesIO(ct(study="1.2.3.7")))
    return "1.2.3.7"


def test_shared_and_taken_back(archive: Archive, member: Any, study: str) -> None:
    from medarchive.dicom.query import Level
    from medarchive.web.rights import sees

    clinician, anna = member.browser("clinician", name="ben"), member(sees="shared", name="anna")
    with pytest.raises(NotFound):
        sees(archive, anna, Level.STUDY, study)
    page = clinician.post(f"/accounts/sharing/{study}/", {"user": "anna"}, follow=True).content.decode()
    assert "anna sees the study now" in page
    sees(archive, anna, Level.STUDY, study)
    clinician.post(f"/accounts/sharing/{study}/{anna.pk}/remove/")
    with pytest.raises(NotFound):
        sees(archive, anna, Level.STUDY, study)
    assert noted(archive, who="ben", action="share") == [
        ("share", "success", "no longer with anna"),
        ("share", "success", "with anna"),
    ]


def test_what_one_does_not_see_cannot_be_shared(archive: Archive, member: Any, study: str) -> None:
    from medarchive.web.accounts.models import SharedStudy
    from medarchive.web.accounts.shares import share

    anna, eve = member(sees="shared", name="anna"), member.browser("clinician", sees="shared", name="eve")
    for uid in (study, "1.2.3.4"):
        where = f"/accounts/sharing/{uid}/"
        assert eve.get(where).status_code == 404
        assert eve.post(where, {"user": "eve"}).status_code == 404
        assert eve.post(f"{where}{anna.pk}/remove/").status_code == 404
    from medarchive.web.accounts.models import User

    with pytest.raises(NotFound):
        share(anna, study, User.objects.get(username="eve"))
    assert not SharedStudy.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "archivist"])
def test_not_every_role_shares(archive: Archive, member: Any, study: str, role: str) -> None:
    from django.core.exceptions import PermissionDenied

    from medarchive.web.accounts.models import User
    from medarchive.web.accounts.shares import share

    anna, client = member(sees="shared", name="anna"), member.browser(role, name="somebody")
    assert client.post(f"/accounts/sharing/{study}/", {"user": "anna"}).status_code == 403
    with pytest.raises(PermissionDenied):
        share(anna, study, User.objects.get(username="somebody"))


def test_one_takes_back_what_one_has_shared_and_administrators_all(member: Any, study: str) -> None:
    from medarchive.web.accounts.models import SharedStudy
    from medarchive.web.accounts.shares import brought

    anna = member("clinician", sees="shared", name="anna")
    brought(anna, study)
    where = f"/accounts/sharing/{study}/{anna.pk}/remove/"
    assert member.browser("clinician", name="ben").post(where).status_code == 403
    assert SharedStudy.objects.exists()
    assert member.browser("administrator", name="boss").post(where).status_code == 302
    assert not SharedStudy.objects.exists()


def test_sharing_twice_is_sharing_once(archive: Archive, member: Any, study: str) -> None:
    clinician = member.browser("clinician", name="ben")
    member(sees="shared", name="anna")
    for _ in range(2):
        clinician.post(f"/accounts/sharing/{study}/", {"user": "anna"})
    assert len(noted(archive, who="ben", action="share")) == 1


def test_no_share_with_who_sees_all_or_is_not_there(member: Any, study: str) -> None:
    clinician = member.browser("clinician", name="ben")
    for name in ("ben", "nobody"):
        answer = clinician.post(f"/accounts/sharing/{study}/", {"user": name})
        assert "Select a valid choice" in answer.content.decode()
