"""Registration, approval, login, logout, passwords and sessions."""

import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from medarchive.archive.archive import Archive
from web.conftest import PASSWORD

LOGIN, SIGNUP, RESET = "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"
ANNA = {
    "username": "anna",
    "email": "anna@example.org",
    "role_asked": "clinician",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def stranger(**options: Any) -> Any:
    from django.test import Client

    return Client(**options)


def log_in(client: Any, login: str, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": login, "password": password})


def inside(client: Any) -> bool:
    return bool(client.get("/accounts/me/").status_code == 200)


def noted(archive: Archive, **equal: str) -> list[tuple[str, str, str]]:
    return [(each.action, each.outcome, each.detail) for each in archive.audit.events(equal=equal)]


def test_accounts_are_kept_where_the_settings_say(archive: Archive) -> None:
    from django.conf import settings
    from django.db import connection

    assert connection.vendor == (settings.MEDARCHIVE.accounts.partition(":")[0] or "sqlite")


def test_from_registration_to_logout(archive: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import User

    client = stranger()
    assert client.get(SIGNUP).status_code == 200
    answer = client.post(SIGNUP, ANNA, follow=True)
    assert answer.redirect_chain == [("/accounts/inactive/", 302)]
    assert "Waits for approval" in answer.content.decode()
    anna = User.objects.get(username="anna")
    assert (anna.is_active, anna.state, anna.role, anna.role_asked) == (
        False,
        "waits for approval",
        "viewer",
        "clinician",
    )
    assert log_in(client, "anna")["Location"] == "/accounts/inactive/"
    assert not inside(client)

    boss = member.browser("administrator", name="boss")
    assert "1 waits for approval" in boss.get("/accounts/people/").content.decode()
    answer = boss.post(f"/accounts/people/{anna.pk}/", {"role": "clinician", "sees": "all"}, follow=True)
    assert "anna is clinician now" in answer.content.decode()

    assert log_in(client, "anna")["Location"] == "/studies/"
    assert inside(client)
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert not inside(client)
    assert noted(archive, object="anna") == [
        ("logout", "success", ""),
        ("login", "success", ""),
        ("account", "success", "approved: clinician, sees all"),
        ("account", "success", "asked for: clinician"),
    ]


@pytest.mark.parametrize("login", ["anna", "ANNA", "anna@example.org", "Anna@Example.org"])
def test_login_by_name_or_address_in_any_case(member: Any, login: str) -> None:
    member(name="anna")
    client = stranger()
    log_in(client, login)
    assert inside(client)


def test_logout_takes_a_post(member: Any) -> None:
    client = member.browser()
    assert client.get("/accounts/logout/").status_code == 200
    assert inside(client)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"password1": "short", "password2": "short"}, "at least 12 characters"),
        ({"password1": "123456789012", "password2": "123456789012"}, "entirely numeric"),
        ({"password2": "something else"}, "same password each time"),
        ({"username": "<script>alert(1)</script>"}, "letters, digits and the signs"),
        ({"username": "eve@example.org"}, "letters, digits and the signs"),
        ({"username": "a:b"}, "letters, digits and the signs"),
        ({"email": "no address"}, "valid email address"),
        ({"role_asked": "god"}, "Select a valid choice"),
    ],
)
def test_what_registration_refuses(archive: Archive, change: dict[str, str], complaint: str) -> None:
    from medarchive.web.accounts.models import User

    answer = stranger().post(SIGNUP, {**ANNA, **change})
    assert complaint in answer.content.decode()
    assert not User.objects.exists()


def test_nobody_makes_themselves_active(archive: Archive) -> None:
    from medarchive.web.accounts.models import User

    stranger().post(SIGNUP, {**ANNA, "is_active": "on", "role": "administrator", "sees": "all"})
    anna = User.objects.get()
    assert (anna.is_active, anna.role, anna.sees) == (False, "viewer", "shared")


def test_login_does_not_tell_which_accounts_there_are(archive: Archive, member: Any) -> None:
    member(name="anna")
    there, not_there = (
        re.sub("anna|nobody", "", log_in(stranger(REMOTE_ADDR=f"10.0.0.{n}"), name, "wrong").content.decode())
        for n, name in enumerate(("anna", "nobody"))
    )
    token = re.compile('name="csrfmiddlewaretoken" value="[^"]*"')
    assert token.sub("", there) == token.sub("", not_there)
    assert "not correct" in there


def test_a_deactivated_account_with_a_wrong_password_looks_like_none(member: Any) -> None:
    user = member(name="anna")
    user.is_active = False
    user.save()
    assert "not correct" in log_in(stranger(), "anna", "wrong").content.decode()


def test_registration_does_not_tell_which_addresses_there_are(archive: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import User

    member(name="bea")
    answer = stranger().post(SIGNUP, {**ANNA, "email": "BEA@example.org"})
    other = stranger().post(SIGNUP, {**ANNA, "username": "carl", "email": "carl@example.org"})
    assert (
        (answer.status_code, answer["Location"])
        == (other.status_code, other["Location"])
        == (302, "/accounts/inactive/")
    )
    assert sorted(User.objects.values_list("username", flat=True)) == ["bea", "carl"]


def test_without_a_mail_server_an_administrator_makes_the_link(member: Any, settings_of: Any) -> None:
    from django.core import mail

    settings_of(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
    mail.outbox = []
    member(name="anna")
    client = stranger()
    assert "Ask an administrator" in client.get(RESET).content.decode()
    assert "Ask an administrator" in client.post(RESET, {"email": "anna@example.org"}).content.decode()
    assert not mail.outbox


@pytest.fixture
def with_mail(archive: Archive, settings_of: Any) -> Any:
    from dataclasses import replace

    from django.conf import settings
    from django.core import mail

    from medarchive.web.accounts import adapter

    settings_of(
        MEDARCHIVE=replace(settings.MEDARCHIVE, smtp="smtp://localhost"),
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    )
    mail.outbox = []

    def received() -> list[Any]:
        adapter._postman.submit(str).result(60)  # whatever was to be sent before has been
        return list(mail.outbox)

    return received


@pytest.fixture
def settings_of() -> Any:
    from django.test import override_settings

    entered = []

    def change(**options: Any) -> None:
        override = override_settings(**options)
        override.enable()
        entered.append(override)

    yield change
    for override in reversed(entered):
        override.disable()


def test_a_link_by_mail_sets_a_new_password_once(with_mail: Any, member: Any) -> None:
    member(name="anna")
    client = stranger()
    there = client.post(RESET, {"email": "anna@example.org"})
    not_there = client.post(RESET, {"email": "nobody@example.org"})
    assert (there.status_code, there["Location"]) == (not_there.status_code, not_there["Location"])
    (message,) = with_mail()
    assert message.to == ["anna@example.org"]
    path = re.search(r"http://testserver(/\S+)", message.body).group(1)  # type: ignore[union-attr]
    new = "another battery horse"
    form = client.get(path, follow=True)
    where = form.redirect_chain[-1][0]
    assert client.post(where, {"password1": new, "password2": new})["Location"] == f"{RESET}key/done/"
    assert "works no more" in stranger().get(path, follow=True).content.decode()
    log_in(client, "anna", new)
    assert inside(client)


def test_whose_address_is_registered_again_is_told(with_mail: Any, member: Any) -> None:
    member(name="bea")
    stranger().post(SIGNUP, {**ANNA, "email": "bea@example.org"})
    (message,) = with_mail()
    assert message.to == ["bea@example.org"]


def test_an_administrators_link_works_once_and_not_for_ever(
    archive: Archive, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import datetime, timedelta

    from allauth.account.forms import default_token_generator

    anna, boss = member(name="anna"), member.browser("administrator", name="boss")
    page = boss.post(f"/accounts/people/{anna.pk}/reset-link/")
    assert "no-store" in page["Cache-Control"]
    path = re.search(r"http://testserver(/accounts/password/reset/key/[^<]+)", page.content.decode()).group(1)  # type: ignore[union-attr]
    assert ("account", "success", "reset link issued") in noted(archive, object="anna", who="boss")

    with monkeypatch.context() as patched:
        patched.setattr(default_token_generator, "_now", lambda: datetime.now() + timedelta(days=1, minutes=1))
        assert "works no more" in stranger().get(path, follow=True).content.decode()
    client, new = stranger(), "another battery horse"
    where = client.get(path, follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": new, "password2": new})
    assert "works no more" in stranger().get(path, follow=True).content.decode()
    assert log_in(client, "anna", PASSWORD).status_code == 200
    log_in(client, "anna", new)
    assert inside(client)


def test_a_session_key_from_before_the_login_is_worth_nothing(member: Any) -> None:
    from django.contrib.sessions.backends.db import SessionStore

    member(name="anna")
    planted = SessionStore()
    planted["planted"] = True
    planted.save()
    client, thief = stranger(), stranger()
    for each in (client, thief):
        each.cookies["medarchive"] = planted.session_key
    log_in(client, "anna")
    assert inside(client)
    assert client.cookies["medarchive"].value != planted.session_key
    assert not inside(thief)


def test_a_new_password_ends_other_sessions(member: Any) -> None:
    anna = member(name="anna")
    one, other = stranger(), stranger()
    log_in(one, "anna")
    log_in(other, "anna")
    new = "another battery horse"
    one.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    anna.refresh_from_db()
    assert anna.check_password(new)
    assert inside(one)
    assert not inside(other)


def test_a_deactivated_account_is_out_at_once(member: Any) -> None:
    from medarchive.web.accounts.models import User

    client = member.browser(name="anna")
    assert inside(client)
    User.objects.filter(username="anna").update(is_active=False)
    assert not inside(client)


def test_sessions_end_by_idleness(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    member(name="anna")
    client = stranger()
    log_in(client, "anna")
    cookie = client.cookies["medarchive"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")
    session = Session.objects.get()
    left = (session.expire_date - timezone.now()).total_seconds()
    assert 1700 < left <= 1800
    Session.objects.update(expire_date=timezone.now())
    assert not inside(client)


def test_a_page_costs_no_write_but_one_a_minute_keeps_the_login_alive(
    member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.sessions.models import Session
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = member.browser(name="anna")
    inside(client)

    def writes() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert inside(client)
        return [each["sql"] for each in queries if not each["sql"].startswith("SELECT")]

    end = Session.objects.get().expire_date
    assert not writes()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert any("django_session" in each for each in writes())
    assert Session.objects.get().expire_date > end


def test_forms_ask_for_a_csrf_token(member: Any) -> None:
    from django.test import Client

    member(name="anna")
    client = Client(enforce_csrf_checks=True)
    assert log_in(client, "anna").status_code == 403
    token = re.search('csrfmiddlewaretoken" value="([^"]+)', client.get(LOGIN).content.decode()).group(1)  # type: ignore[union-attr]
    data = {"login": "anna", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post(LOGIN, data).status_code == 302
    for page in ("/accounts/password/change/", "/accounts/tokens/", "/accounts/logout/"):
        assert client.post(page, {}).status_code == 403


@pytest.mark.parametrize("key", ["zzzzzzzzzzzzz-x", "zzzzzzzzzzzzzz-x", "0-x", "1-set-password", "1-%00"])
def test_links_that_nobody_made(archive: Archive, member: Any, key: str) -> None:
    member(name="anna")
    assert "works no more" in stranger().get(f"{RESET}key/{key}/").content.decode()


@pytest.mark.parametrize("field", ["login", "password"])
def test_strange_signs_at_the_login(member: Any, field: str) -> None:
    member(name="anna")
    for strange in ("\0", "\ud800", "x" * 100_000, "' OR 1=1 --", "anna@example.org\n"):
        client = stranger()
        data = urlencode({"login": "anna", "password": "wrong", field: strange.encode("utf-8", "surrogatepass")})
        answer = client.post(LOGIN, data, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
        assert not inside(client)


def test_no_login_goes_on_to_another_site(member: Any) -> None:
    member(name="anna")
    answer = stranger().post(f"{LOGIN}?next=https://evil.example/", {"login": "anna", "password": PASSWORD})
    assert answer["Location"] == "/studies/"


def test_names_are_escaped_wherever_they_stand(archive: Archive, member: Any) -> None:
    from django.test import Client

    from medarchive.web.accounts.models import User

    evil = '"><script>alert(1)</script>'
    user = member("administrator", name="anna")
    User.objects.filter(pk=user.pk).update(username=evil, email=f"{evil}@example.org")
    user.refresh_from_db()
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    for page in (
        "/accounts/me/",
        "/accounts/people/",
        f"/accounts/people/{user.pk}/",
        "/accounts/logout/",
        "/studies/",
    ):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_cookies_of_a_request_by_tls_stay_with_tls(member: Any) -> None:
    member(name="anna")
    client = stranger()
    client.get(LOGIN, secure=True)
    client.post(LOGIN, {"login": "anna", "password": PASSWORD}, secure=True)
    assert client.cookies["medarchive"]["secure"]
    assert client.cookies["csrftoken"]["secure"]


def test_allauths_pages_for_several_addresses_are_not_there(member: Any) -> None:
    client = member.browser()
    for page in ("email/", "password/set/", "confirm-email/", "login/code/confirm/"):
        assert client.get(f"/accounts/{page}").status_code == 404
