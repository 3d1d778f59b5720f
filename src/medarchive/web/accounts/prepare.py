"""Prepare: Django over an archive, with the tables of accounts as they have to be."""

import fcntl

from django.core.management import call_command

from medarchive.archive.archive import Archive
from medarchive.web import here
from medarchive.web.configure import configure

__all__ = ["prepare"]


def prepare(archive: Archive) -> None:
    """Configure Django, serve the archive, and make or migrate the tables; one process at a time does that.

    Raises:
        SettingsError: ``accounts`` or ``smtp`` is no address that can be used.
    """
    if not archive.settings.accounts:
        (archive.settings.archive / "accounts.sqlite").touch(0o600)  # its owner's alone: it holds password hashes
    configure(archive.settings)
    here.serve(archive)
    with (archive.settings.archive / "web-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
