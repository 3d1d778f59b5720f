"""medarchive users, each time in a process of its own: Django is configured once in a process."""

import json
import os
import pty
import pwd
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from medarchive.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> Any:
    def run(*arguments: str, answer: str = f"{PASSWORD}\n", code: int = 0, **environment: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "medarchive", "--archive", str(tmp_path / "archive"), "users", *arguments],
            env={name: text for name, text in os.environ.items() if not name.startswith("MEDARCHIVE_")}
            | {"LOGNAME": "somebody else", **environment},
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == code, ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    return run


def add(users: Any, name: str, *more: str, **options: Any) -> str:
    return str(users("add", name, "--email", f"{name}@example.org", "--password-stdin", *more, **options))


def listed(users: Any) -> dict[str, dict[str, str]]:
    return {each["name"]: each for each in json.loads(users("list", "--json"))}


def test_the_first_administrator_and_after(users: Any, tmp_path: Path) -> None:
    assert users("list") == "none\n"
    assert add(users, "anna", "--role", "administrator") == "anna is administrator now, and sees all\n"
    assert add(users, "ben") == "ben is viewer now, and sees shared\n"
    assert users("role", "ben@example.org", "archivist", "--sees", "all") == "ben is archivist now, and sees all\n"
    assert users("disable", "ben") == "ben is deactivated\n"
    assert [(each["state"], each["role"], each["sees"]) for each in listed(users).values()] == [
        ("active", "administrator", "all"),
        ("deactivated", "archivist", "all"),
    ]
    assert users("enable", "ben") == "ben is active\n"
    link = users("reset-link", "ben", "--site", "https://archive.example.org/")
    assert link.startswith("https://archive.example.org/accounts/password/reset/key/")
    link = users("reset-link", "ben", "--site", "https://archive.example.org", MEDARCHIVE_WEB_PREFIX="/dicom")
    assert link.startswith("https://archive.example.org/dicom/accounts/password/reset/key/")
    with Archive.open(Settings(archive=tmp_path / "archive")) as archive:
        recorded = list(archive.audit.events())
    assert {each.who for each in recorded} == {pwd.getpwuid(os.getuid()).pw_name}, "whatever the environment says"
    assert [(each.face, each.action, each.object, each.detail) for each in recorded] == [
        ("cli", "account", "ben", "reset link issued"),
        ("cli", "account", "ben", "reset link issued"),
        ("cli", "account", "ben", "activated"),
        ("cli", "account", "ben", "deactivated"),
        ("cli", "account", "ben", "role: viewer, sees shared -> archivist, sees all"),
        ("cli", "account", "ben", "added: viewer, sees shared"),
        ("cli", "account", "anna", "added: administrator, sees all"),
    ]


def test_what_is_refused(users: Any) -> None:
    add(users, "anna", "--role", "administrator")
    assert "too short" in add(users, "ben", answer="short\n", code=13)
    assert "there is one of this name" in add(users, "ANNA", code=13)
    assert "letters, digits" in add(users, "b b", code=13)
    assert "already exists" in users("add", "ben", "--email", "anna@example.org", "--password-stdin", code=13)
    assert "valid email" in users("add", "ben", "--email", "x", "--password-stdin", code=13)
    assert "takes --email" in users("add", "ben", "--password-stdin", code=13)
    assert "at least one department" in users("role", "anna", "administrator", "--sees", "departments", code=13)
    assert "the last administrator" in users("disable", "anna", code=13)
    assert "the last administrator" in users("role", "anna", "viewer", code=13)
    assert "no account ben" in users("disable", "ben", code=41)
    assert "no department Radiology" in users("role", "anna", "administrator", "--department", "Radiology", code=13)
    assert "account anna: active" in users("approve", "anna", code=13)
    assert list(listed(users)) == ["anna"]


def test_what_was_asked_for_is_approved(users: Any, tmp_path: Path) -> None:
    add(users, "anna")
    with closing(sqlite3.connect(tmp_path / "archive/accounts.sqlite")) as kept, kept:
        kept.execute("UPDATE accounts_user SET is_active = 0, approved_at = NULL, role_asked = 'clinician'")
    assert listed(users)["anna"]["state"] == "waits for approval"
    assert "anna" in users("list", "--waiting")
    for command in (("role", "anna", "viewer"), ("enable", "anna")):
        assert "see users approve" in users(*command, code=13)
    assert users("approve", "anna", "--sees", "all") == "anna is clinician now, and sees all\n"
    assert listed(users)["anna"]["state"] == "active"


def test_the_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "medarchive", "--archive", str(tmp_path / "a"), "users", "add", "anna"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        for asked, answer in (
            (b"address: ", "anna@example.org"),
            (b"Password: ", PASSWORD),
            (b"confirmation: ", PASSWORD),
        ):
            while not shown.endswith(asked):
                shown += os.read(ours, 1)
            os.write(ours, f"{answer}\n".encode())
        while not shown.endswith(b"sees shared\r\n"):
            shown += os.read(ours, 1)
        assert process.wait(60) == 0
    os.close(ours)
    assert PASSWORD.encode() not in shown
