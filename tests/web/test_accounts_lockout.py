"""Lock-out after failed attempts: by account, by address, over all processes."""

import subprocess
import sys
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from web.conftest import PASSWORD
from web.test_accounts_entrance import inside, log_in, noted, stranger

LOCKED = "Too many failed login attempts"


def test_five_failures_lock_an_account_whatever_it_is_called(archive: Archive, member: Any) -> None:
    member(name="anna")
    for number, login in enumerate(("anna", "ANNA", "anna@example.org", "Anna@example.org", "anna")):
        assert "not correct" in log_in(stranger(REMOTE_ADDR=f"10.0.0.{number}"), login, "wrong").content.decode()
    for number, login in enumerate(("anna", "anna@example.org")):
        client = stranger(REMOTE_ADDR=f"10.0.1.{number}")
        assert LOCKED in log_in(client, login).content.decode()
        assert not inside(client)
    assert [outcome for _, outcome, _ in noted(archive, action="login", who="anna")] == ["refused"] * 2 + ["failed"] * 5


def test_signs_that_are_the_same_in_small_letters_open_no_second_count(archive: Archive, member: Any) -> None:
    member(name="kim")
    for login in ("kim@example.org", "\N{KELVIN SIGN}im@example.org") * 3:
        answer = log_in(stranger(), login, "wrong")
    assert LOCKED in answer.content.decode()
    assert [outcome for _, outcome, _ in noted(archive, action="login", who="kim")] == ["refused"] + ["failed"] * 5


def test_names_without_an_account_are_locked_alike_and_not_kept(archive: Archive) -> None:
    answers = [log_in(stranger(REMOTE_ADDR=f"10.0.0.{n}"), "nobody", "wrong").content.decode() for n in range(6)]
    assert [LOCKED in each for each in answers] == [False] * 5 + [True]
    events = list(archive.audit.events(equal={"action": "login"}))
    assert len(events) == 6
    assert not any("nobody" in str(event) for event in events)


def test_other_accounts_stay_open(member: Any) -> None:
    member(name="anna")
    member(name="ben")
    client = stranger()
    for _ in range(6):
        log_in(client, "anna", "wrong")
    log_in(client, "ben")
    assert inside(client)


def test_twenty_failures_lock_an_address(member: Any) -> None:
    for number in range(21):
        member(name=f"user{number}")
    client, other = stranger(REMOTE_ADDR="10.0.0.1"), stranger(REMOTE_ADDR="10.0.0.2")
    for number in range(20):
        assert LOCKED not in log_in(client, f"user{number}", "wrong").content.decode()
    assert LOCKED in log_in(client, "user20").content.decode()
    log_in(other, "user20")
    assert inside(other)


def test_the_lock_opens_again(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from allauth.core.internal import ratelimit

    member(name="anna")
    client = stranger()
    for _ in range(6):
        log_in(client, "anna", "wrong")
    later = time.time() + 15 * 60 + 1
    monkeypatch.setattr(ratelimit.time, "time", lambda: later)
    log_in(client, "anna")
    assert inside(client)


def test_a_new_password_opens_the_lock(member: Any) -> None:
    from medarchive.web.accounts.people import reset_path
    from medarchive.web.accounts.record import Actor

    anna = member(name="anna")
    client = stranger()
    for _ in range(6):
        log_in(client, "anna", "wrong")
    new = "another battery horse"
    where = client.get(reset_path(anna, Actor("boss")), follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": new, "password2": new})
    log_in(client, "anna", new)
    assert inside(client)


ANOTHER_PROCESS = """
import sys
from pathlib import Path

from django.conf import settings

from medarchive.archive.archive import Archive
from medarchive.settings import Settings
from medarchive.web import here
from medarchive.web.configure import configure

configure(Settings(archive=Path(sys.argv[1]), accounts=sys.argv[3], web_hosts=("testserver",)))
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

from django.test import Client

with Archive.open(Settings(archive=Path(sys.argv[2]))) as archive:
    here.serve(archive)
    answer = Client(REMOTE_ADDR="10.9.9.9").post("/accounts/login/", {"login": "anna", "password": sys.argv[4]})
    print(answer.status_code)
"""


@pytest.mark.parametrize(("failures", "status"), [(0, "302"), (5, "200")])
def test_the_lock_holds_in_other_processes(archive: Archive, member: Any, failures: int, status: str) -> None:
    from django.conf import settings

    member(name="anna")
    for _ in range(failures):
        log_in(stranger(), "anna", "wrong")
    folder, accounts = settings.MEDARCHIVE.archive, settings.MEDARCHIVE.accounts
    command = [sys.executable, "-c", ANOTHER_PROCESS, folder, archive.settings.archive, accounts, PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.returncode) == ([status], 0), done.stderr


def test_a_flood_of_logins_is_turned_away(archive: Archive) -> None:
    client = stranger()
    statuses = [client.post("/accounts/login/", {}).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]
