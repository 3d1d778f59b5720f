"""The second factor: set up, asked for, recovered from, removed."""

import base64
import re
from types import SimpleNamespace
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from web.conftest import PASSWORD
from web.test_accounts_entrance import inside, log_in, noted, stranger

NOW = 1_800_000_000
"""Unix time, in seconds, at which every code of these tests is made and checked."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes change every 30 s: hold the clock, or a test that crosses a change fails by chance."""
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time", SimpleNamespace(time=lambda: NOW))


def code(secret: str, steps: int = 0) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(secret, NOW // 30 + steps)))


def set_up(client: Any) -> Any:
    """The page to set one up, which asks for the password first."""
    where = client.get("/accounts/2fa/totp/activate/")["Location"]
    assert where.startswith("/accounts/reauthenticate/?next=")
    assert "Incorrect password" in client.post(where, {"password": "wrong"}).content.decode()
    return client.post(where, {"password": PASSWORD}, follow=True)


@pytest.fixture
def anna(member: Any) -> tuple[Any, str, list[str]]:
    """A browser in which somebody set a second factor up, its secret, and the recovery codes."""
    member(name="anna")
    client = stranger()
    log_in(client, "anna")
    page = set_up(client).content.decode()
    secret = re.search('<code class="secret">([A-Z2-7]+)', page).group(1)  # type: ignore[union-attr]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret, -1)}, follow=True)
    codes = re.findall("<code>([0-9]{8})", answer.content.decode())
    assert codes, "the second factor was not taken"
    return client, secret, codes


def test_the_code_to_scan_needs_no_inline_anything(member: Any) -> None:
    client = stranger()
    member(name="anna")
    log_in(client, "anna")
    page = set_up(client).content.decode()
    (picture,) = re.findall('src="data:image/svg[+]xml;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b"<?xml")
    assert not re.search(r"<script|<svg| style=|<style| on\w+=", page)


def test_login_asks_for_it(archive: Archive, anna: Any) -> None:
    _, secret, codes = anna
    assert len(codes) == 10
    client = stranger()
    assert log_in(client, "anna")["Location"] == "/accounts/2fa/authenticate/"
    assert not inside(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not inside(client)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert inside(client)
    assert ("login", "failed", "second factor") in noted(archive, who="anna")


def test_a_code_works_once(anna: Any) -> None:
    _, secret, codes = anna
    for used in (code(secret), codes[0]):
        first, second = stranger(), stranger()
        for client in (first, second):
            log_in(client, "anna")
            client.post("/accounts/2fa/authenticate/", {"code": used})
        assert (inside(first), inside(second)) == (True, False)


def test_codes_cannot_be_guessed_for_long(anna: Any) -> None:
    _, secret, _ = anna
    client = stranger()
    log_in(client, "anna")
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert "Too many failed login attempts" in answer.content.decode()
    assert not inside(client)


def test_the_session_before_the_second_factor_is_not_the_one_after(anna: Any) -> None:
    _, secret, _ = anna
    client, thief = stranger(), stranger()
    log_in(client, "anna")
    thief.cookies["medarchive"] = client.cookies["medarchive"].value
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert inside(client)
    assert not inside(thief)


def test_a_password_from_a_link_does_not_pass_it_by(anna: Any) -> None:
    from medarchive.web.accounts.models import User
    from medarchive.web.accounts.people import reset_path
    from medarchive.web.accounts.record import Actor

    client, new = stranger(), "another battery horse"
    where = client.get(reset_path(User.objects.get(), Actor("boss")), follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": new, "password2": new})
    log_in(client, "anna", new)
    assert not inside(client)


def test_its_secret_is_not_kept_in_the_clear(anna: Any) -> None:
    from allauth.mfa.models import Authenticator

    _, secret, _ = anna
    kept = [str(each.data) for each in Authenticator.objects.all()]
    assert len(kept) == 2
    assert not any(secret in each for each in kept)


def test_an_administrator_removes_it(archive: Archive, anna: Any, member: Any) -> None:
    from medarchive.web.accounts.models import User

    boss = member.browser("administrator", name="boss")
    number = User.objects.get(username="anna").pk
    assert "Remove the second factor" in boss.get(f"/accounts/people/{number}/").content.decode()
    boss.post(f"/accounts/people/{number}/second-factor/")
    client = stranger()
    log_in(client, "anna")
    assert inside(client)
    assert ("account", "success", "second factor removed") in noted(archive, who="boss", object="anna")


def test_its_pages(anna: Any) -> None:
    client, _, codes = anna
    for page in ("", "recovery-codes/", "recovery-codes/generate/", "totp/deactivate/", "reauthenticate/"):
        assert client.get(f"/accounts/2fa/{page}").status_code == 200
    assert codes[0] in client.get("/accounts/2fa/recovery-codes/download/").content.decode()
    client.post("/accounts/2fa/totp/deactivate/")
    after = stranger()
    log_in(after, "anna", PASSWORD)
    assert inside(after)
