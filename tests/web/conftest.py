"""The web face under test: Django is configured once; every test has an archive and accounts of its own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from medarchive.archive.archive import Archive
from medarchive.settings import Settings
from medarchive.web import here
from medarchive.web.configure import configure

PASSWORD = "correct horse battery"


_FOLDER = tempfile.TemporaryDirectory(prefix="medarchive-accounts-")
configure(  # Django's modules cannot be imported before
    Settings(
        archive=Path(_FOLDER.name),
        web_hosts=("testserver",),
        accounts=os.environ.get("MEDARCHIVE_TEST_ACCOUNTS", ""),  # tests/integration/test_accounts_databases.py
        busy_timeout=5,
    )
)
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a good one takes half a second


@pytest.fixture(scope="session")
def configured() -> None:
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


@pytest.fixture
def archive(configured: None, tmp_path: Path) -> Iterator[Archive]:
    from django.core.cache import cache
    from django.core.management import call_command

    with Archive.open(Settings(archive=tmp_path / "archive", quiet=0, web_port=0)) as opened:
        here.serve(opened)
        yield opened
        here.serve(None)
    call_command("flush", interactive=False, verbosity=0)
    cache.clear()


@pytest.fixture
def member(archive: Archive) -> "Member":
    return Member()


class Member:
    """Makes accounts, and browsers that are logged in as them."""

    def __call__(self, role: str = "viewer", *, sees: str = "all", name: str = "") -> Any:
        from medarchive.web.accounts.models import User

        name = name or role
        return User.objects.create_user(name, f"{name}@example.org", PASSWORD, is_active=True, role=role, sees=sees)

    def browser(self, role: str = "viewer", *, sees: str = "all", name: str = "") -> Any:
        from django.test import Client

        client = Client(enforce_csrf_checks=False)
        client.force_login(self(role, sees=sees, name=name), "allauth.account.auth_backends.AuthenticationBackend")
        return client


@pytest.fixture
def live(archive: Archive, member: "Member") -> Iterator["Live"]:
    """The real server on a free port, over the test's archive."""
    from medarchive.web.application import Server

    server = Server(archive)
    try:
        yield Live(f"http://127.0.0.1:{server.port}", member)
    finally:
        server.stop(5)


class Live:
    """A running server, and programs that are logged in to it."""

    def __init__(self, url: str, member: Member) -> None:
        self.url = url
        self._member = member

    def session(self, role: str = "viewer", *, sees: str = "all", name: str = "") -> Any:
        """A ``requests.Session`` that is logged in as an account of this role."""
        import requests

        session = requests.Session()
        for cookie in self._member.browser(role, sees=sees, name=name).cookies.values():
            session.cookies.set(cookie.key, cookie.value)
        return session
