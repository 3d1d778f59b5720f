"""Settings of accounts, and what the database is asked for."""

from pathlib import Path

import pytest

from medarchive.archive.archive import Archive
from medarchive.errors import SettingsError
from medarchive.settings import Settings
from medarchive.web.accounts.options import mail
from medarchive.web.configure import database, zone


@pytest.mark.parametrize(
    ("smtp", "expected"),
    [
        ("smtp://relay", ("relay", 25, "", "", False, False)),
        ("smtp://me:p%40ss@mail.example.org:587", ("mail.example.org", 587, "me", "p@ss", True, False)),
        ("smtps://me:x@mail.example.org", ("mail.example.org", 465, "me", "x", False, True)),
    ],
)
def test_the_mail_server(smtp: str, expected: tuple[object, ...]) -> None:
    found = mail(Settings(smtp=smtp, mail_from="archive@example.org"))
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(found[f"EMAIL_{name}"] for name in names) == expected
    assert found["DEFAULT_FROM_EMAIL"] == "archive@example.org"


@pytest.mark.parametrize("smtp", ["relay", "http://relay", "smtp://", "smtp://relay:port", "smtp://[relay"])
def test_no_mail_server(smtp: str) -> None:
    with pytest.raises(SettingsError, match="smtp: expected"):
        mail(Settings(smtp=smtp))


@pytest.mark.parametrize("accounts", ["postgresql://host", "oracle://host/x", "x", "mysql:///", "mysql://host:port/x"])
def test_no_database(accounts: str) -> None:
    with pytest.raises(SettingsError, match="accounts: expected"):
        database(Settings(accounts=accounts))


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ("postgresql://me:p%2Fss@host/all", ("django.db.backends.postgresql", "host", "5432", "me", "p/ss", "all")),
        ("mysql://me@host:3307/all", ("django.db.backends.mysql", "host", "3307", "me", "", "all")),
    ],
)
def test_a_database(accounts: str, expected: tuple[str, ...]) -> None:
    found = database(Settings(accounts=accounts))
    assert tuple(found[name] for name in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD", "NAME")) == expected


@pytest.mark.parametrize(
    ("tz", "name"), [("Europe/Berlin", "Europe/Berlin"), ("nonsense", "Asia/Tokyo"), ("", "Asia/Tokyo")]
)
def test_times_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tz: str, name: str) -> None:
    monkeypatch.setenv("TZ", tz)
    file = tmp_path / "zoneinfo/Asia/Tokyo"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "localtime").symlink_to(file)
    assert zone(tmp_path / "localtime") == name
    monkeypatch.delenv("TZ")
    assert zone(tmp_path / "none") == "UTC"


def test_sqlite_does_not_wait_for_the_disk(archive: Archive) -> None:
    from django.conf import settings
    from django.db import connection

    if settings.MEDARCHIVE.accounts:
        assert connection.vendor in settings.MEDARCHIVE.accounts
        return
    with connection.cursor() as cursor:
        found = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert found == ["wal", 1, 5000]


def test_failed_logins_are_kept_where_all_processes_look(archive: Archive) -> None:
    from django.core.cache import cache
    from django.core.cache.backends.db import DatabaseCache

    assert isinstance(cache._connections[cache._alias], DatabaseCache)


def test_hashes_of_passwords_are_their_owners_alone(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    command = [sys.executable, "-m", "medarchive", "--archive", str(tmp_path / "archive"), "users", "list"]
    subprocess.run(command, check=True, env={**os.environ, "MEDARCHIVE_ACCOUNTS": ""}, stdout=subprocess.DEVNULL)
    for name in ("accounts.sqlite", "web-secret"):
        assert (tmp_path / "archive" / name).stat().st_mode & 0o077 == 0
