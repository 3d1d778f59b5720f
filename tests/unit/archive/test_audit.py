"""The audit record: what is added stays as it is, and what was changed behind its back is found."""

import sqlite3
import threading
from pathlib import Path

import pytest

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(archive=tmp_path / "archive")


def event(number: int, who: str = "ann") -> Event:
    return Event("view", who, "10.0.0.1", "web", f"1.2.{number}")


def test_the_newest_come_first_and_have_all_that_was_said(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1), event(2))
        archive.audit.note(Event("delete", "bob", "", "cli", "1.2.3", "failed", "why"))
        last, two, one = archive.audit.events()
        assert (one.object, two.object) == ("1.2.1", "1.2.2")
        assert (last.action, last.who, last.face, last.outcome, last.detail) == (
            "delete",
            "bob",
            "cli",
            "failed",
            "why",
        )
        assert one.at <= two.at <= last.at
        assert [one.id, two.id, last.id] == [1, 2, 3]


def test_they_are_chosen_by_what_they_are(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(*(event(number, "ann" if number % 2 else "bob") for number in range(1200)))
        assert len(list(archive.audit.events())) == 1200
        assert len(list(archive.audit.events(equal={"who": "ann"}))) == 600
        assert [one.id for one in archive.audit.events(limit=3, before=100)] == [99, 98, 97]
        assert list(archive.audit.events(since=4e9)) == []
        assert list(archive.audit.events(until=1.0)) == []
        with pytest.raises(ValueError, match="detail"):
            list(archive.audit.events(equal={"detail": "x"}))


def test_records_cannot_be_changed_or_removed(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1))
    with sqlite3.connect(settings.archive / "catalogue.sqlite") as catalogue:
        for statement in ("UPDATE audit SET who = 'eve'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                catalogue.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'eve' WHERE id = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE id = 700", 700),
        ("DELETE FROM audit WHERE id = 5", 6),
        ("DELETE FROM audit WHERE id = 1", 2),
    ],
)
def test_what_was_changed_behind_its_back_is_found(settings: Settings, statement: str, broken: int) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(*(event(number) for number in range(1, 1001)))
        assert archive.audit.broken() is None
    with sqlite3.connect(settings.archive / "catalogue.sqlite") as catalogue:
        for trigger in ("audit_no_update", "audit_no_delete"):
            catalogue.execute(f"DROP TRIGGER {trigger}")
        catalogue.execute(statement)
    with Archive.open(settings) as archive:
        assert archive.audit.broken() == broken


def test_two_archives_on_one_folder_make_one_chain(settings: Settings) -> None:
    def add(who: str) -> None:
        with Archive.open(settings) as archive:
            for number in range(50):
                archive.audit.note(event(number, who))

    with Archive.open(settings) as archive:
        threads = [threading.Thread(target=add, args=(who,)) for who in ("ann", "bob", "eve")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(archive.audit.events())) == 150
        assert archive.audit.broken() is None


def test_long_and_odd_text_is_kept_short(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(Event("query", "a" * 5000, "", "node", "\u0000\ud800"))
        found = next(archive.audit.events())
        assert (len(found.who), found.detail, found.object) == (1024, "", "?")
        assert archive.audit.broken() is None
