"""What administrators do, and nobody else."""

from typing import Any

import pytest

from medarchive.archive.archive import Archive
from web.test_accounts_entrance import inside, log_in, noted, stranger


@pytest.fixture
def boss(member: Any) -> Any:
    return member.browser("administrator", name="boss")


def waiting(name: str = "anna") -> Any:
    from medarchive.web.accounts.models import User
    from web.conftest import PASSWORD

    return User.objects.create_user(name, f"{name}@example.org", PASSWORD, role_asked="archivist")


def test_what_waits_comes_first(boss: Any) -> None:
    waiting("zoe")
    text = boss.get("/accounts/people/").content.decode()
    assert text.index(">zoe<") < text.index(">boss<")
    assert ">zoe<" not in boss.get("/accounts/people/?q=bos").content.decode()


def test_the_role_that_was_asked_for_is_offered(boss: Any) -> None:
    text = boss.get(f"/accounts/people/{waiting().pk}/").content.decode()
    assert '<option value="archivist" selected>' in text


def test_approval_by_departments(archive: Archive, boss: Any) -> None:
    from medarchive.web.accounts.models import Department

    boss.post("/accounts/departments/", {"name": "Radiology", "ae_titles": "CT1, MR1"})
    anna, radiology = waiting(), Department.objects.get()
    assert radiology.ae_titles == "CT1 MR1"
    where = f"/accounts/people/{anna.pk}/"
    assert "at least one department" in boss.post(where, {"role": "viewer", "sees": "departments"}).content.decode()
    boss.post(where, {"role": "viewer", "sees": "departments", "departments": [radiology.pk]})
    anna.refresh_from_db()
    assert anna.is_active
    assert anna.scope().sources == {"CT1", "MR1"}
    assert ("account", "success", "approved: viewer, sees departments (Radiology)") in noted(archive, object="anna")


def test_departments_are_changed_and_removed(boss: Any) -> None:
    from medarchive.web.accounts.models import Department

    assert (
        "expected 1 to 16" in boss.post("/accounts/departments/", {"name": "A", "ae_titles": "x" * 17}).content.decode()
    )
    boss.post("/accounts/departments/", {"name": "A", "ae_titles": "ONE"})
    number = Department.objects.get().pk
    boss.post(f"/accounts/departments/{number}/", {"name": "B", "ae_titles": "ONE TWO"})
    assert Department.objects.get().sources() == {"ONE", "TWO"}
    boss.post(f"/accounts/departments/{number}/remove/")
    assert not Department.objects.exists()


def test_a_role_is_changed_at_once(archive: Archive, boss: Any, member: Any) -> None:
    client = member.browser("archivist", name="anna")
    from medarchive.web.accounts.models import User

    number = User.objects.get(username="anna").pk
    boss.post(f"/accounts/people/{number}/", {"role": "administrator", "sees": "all"})
    assert client.get("/accounts/people/").status_code == 200
    boss.post(f"/accounts/people/{number}/", {"role": "viewer", "sees": "shared"})
    assert client.get("/accounts/people/").status_code == 403
    assert ("account", "success", "role: administrator, sees all -> viewer, sees shared") in noted(archive, who="boss")


def test_deactivated_and_activated(boss: Any, member: Any) -> None:
    anna = member(name="anna")
    client, before = stranger(), stranger()
    log_in(before, "anna")
    boss.post(f"/accounts/people/{anna.pk}/deactivate/")
    assert log_in(client, "anna")["Location"] == "/accounts/inactive/"
    assert "deactivated" in boss.get(f"/accounts/people/{anna.pk}/").content.decode()
    boss.post(f"/accounts/people/{anna.pk}/activate/")
    log_in(client, "anna")
    assert inside(client)
    assert not inside(before)


def test_activating_is_no_approval(boss: Any) -> None:
    anna = waiting()
    boss.post(f"/accounts/people/{anna.pk}/activate/")
    anna.refresh_from_db()
    assert anna.state == "waits for approval"


def test_what_was_refused_waits_no_more(boss: Any) -> None:
    anna = waiting()
    boss.post(f"/accounts/people/{anna.pk}/deactivate/")
    anna.refresh_from_db()
    assert anna.state == "deactivated"


def test_a_role_that_is_given_late_brings_no_account_back(archive: Archive, member: Any) -> None:
    from medarchive.web.accounts import people
    from medarchive.web.accounts.models import User
    from medarchive.web.accounts.record import Actor

    anna = member(name="anna")
    people.deactivate(User.objects.get(pk=anna.pk), Actor("boss"))
    people.grant(anna, "clinician", "all", [], Actor("other"))  # as it was when the other one's request came
    anna = User.objects.get(pk=anna.pk)
    assert (anna.state, anna.role) == ("deactivated", "clinician")


def test_the_last_administrator_stays(boss: Any, member: Any) -> None:
    from medarchive.web.accounts.models import User

    me = User.objects.get(username="boss")
    for where, data in (
        (f"/accounts/people/{me.pk}/", {"role": "viewer", "sees": "all"}),
        (f"/accounts/people/{me.pk}/deactivate/", {}),
    ):
        assert "the last administrator" in boss.post(where, data, follow=True).content.decode()
    me.refresh_from_db()
    assert (me.is_active, me.role) == (True, "administrator")
    member("administrator", name="other")
    boss.post(f"/accounts/people/{me.pk}/", {"role": "viewer", "sees": "all"})
    me.refresh_from_db()
    assert me.role == "viewer"


def test_an_address_is_changed(boss: Any, member: Any) -> None:
    anna = member(name="anna")
    client = stranger()
    log_in(client, "anna@example.org")
    boss.post(f"/accounts/people/{anna.pk}/email/", {"email": "A.New@example.org"})
    assert (
        "another account has it"
        in boss.post(f"/accounts/people/{anna.pk}/email/", {"email": "boss@example.org"}, follow=True).content.decode()
    )
    old, new = stranger(), stranger()
    log_in(old, "anna@example.org")
    log_in(new, "a.new@example.org")
    assert (inside(old), inside(new)) == (False, True)


@pytest.mark.parametrize("role", ["viewer", "clinician", "archivist"])
def test_others_may_not(archive: Archive, member: Any, role: str) -> None:
    anna, client = member(name="anna"), member.browser(role, name="somebody")
    for page in ("people/", f"people/{anna.pk}/", "departments/"):
        assert client.get(f"/accounts/{page}").status_code == 403
    for page in ("", "email/", "deactivate/", "activate/", "second-factor/", "reset-link/"):
        assert (
            client.post(f"/accounts/people/{anna.pk}/{page}", {"role": "administrator", "sees": "all"}).status_code
            == 403
        )
    assert len(noted(archive, who="somebody", outcome="refused")) == 9
    anna.refresh_from_db()
    assert (anna.is_active, anna.role) == (True, "viewer")


@pytest.mark.parametrize("page", ["email/", "deactivate/", "activate/", "second-factor/", "reset-link/"])
def test_deeds_take_a_post(boss: Any, member: Any, page: str) -> None:
    assert boss.get(f"/accounts/people/{member(name='anna').pk}/{page}").status_code == 405


@pytest.mark.parametrize("number", ["999999", "9" * 40])
def test_no_such_account(boss: Any, number: str) -> None:
    for page in ("people", "departments"):
        assert boss.get(f"/accounts/{page}/{number}/").status_code == 404
    assert boss.post(f"/accounts/tokens/{number}/revoke/").status_code == 404


@pytest.mark.parametrize("query", ["q=%00", "q=%25%27%22;--", "page=-1", "page=x", "page=99999999999999999999"])
def test_strange_questions(boss: Any, query: str) -> None:
    assert boss.get(f"/accounts/people/?{query}").status_code == 200
