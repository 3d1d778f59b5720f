"""The audit record: what is added stays as it is, and what was changed behind its back is found."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.archive.catalog import Transaction
from medarchive.errors import ArchiveBusy
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


def test_a_record_is_not_replaced_either(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1), event(2))
        head = archive.audit.head()
    with sqlite3.connect(settings.archive / "catalogue.sqlite") as catalogue:
        same = "at, 'eve', origin, face, action, object, outcome, detail, digest FROM audit"
        for statement in (
            f"INSERT OR REPLACE INTO audit SELECT id, {same} WHERE id = 1",
            f"REPLACE INTO audit SELECT 2, {same} WHERE id = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                catalogue.execute(statement)
    with Archive.open(settings) as archive:
        archive.audit.note(event(3))
        assert archive.audit.broken() is None
        assert archive.audit.holds(head)


@pytest.mark.parametrize(("number", "broken"), [(-5, -5), (0, 0), (9, 9)])
def test_records_that_nobody_noted_are_found(settings: Settings, number: int, broken: int) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1), event(2))
    with sqlite3.connect(settings.archive / "catalogue.sqlite") as catalogue:
        catalogue.execute("INSERT INTO audit (id, at, who, digest) VALUES (?, 1.0, 'eve', 'x')", (number,))
    with Archive.open(settings) as archive:
        assert archive.audit.broken() == broken


def test_a_head_that_was_kept_shows_what_the_chain_alone_cannot(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        empty = archive.audit.head()
        archive.audit.note(*(event(number) for number in range(1, 11)))
        early = archive.audit.head()
        archive.audit.note(event(11))
        late = archive.audit.head()
        assert (empty.id, early.id, late.id) == (0, 10, 11)
        assert all(map(archive.audit.holds, (empty, early, late)))
    with sqlite3.connect(settings.archive / "catalogue.sqlite") as catalogue:
        catalogue.execute("DROP TRIGGER audit_no_delete")
        catalogue.execute("DELETE FROM audit WHERE id > 10")
    with Archive.open(settings) as archive:
        archive.audit.note(event(12))
        assert archive.audit.broken() is None
        assert [archive.audit.holds(head) for head in (empty, early, late)] == [True, True, False]


def test_two_processes_make_one_chain(settings: Settings) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom medarchive.archive.archive import Archive\n"
        "from medarchive.archive.audit import Event\nfrom medarchive.settings import Settings\n"
        "with Archive.open(Settings(archive=Path(sys.argv[1]))) as archive:\n"
        "    for n in range(40):\n"
        "        archive.audit.note(*(Event('view', sys.argv[2], '', 'web', f'{n}.{k}') for k in range(3)))\n"
    )
    with Archive.open(settings) as archive:
        command = [sys.executable, "-c", code, str(settings.archive)]
        processes = [subprocess.Popen([*command, who]) for who in ("ann", "bob")]
        assert [process.wait(60) for process in processes] == [0, 0]
        assert archive.audit.broken() is None
        assert archive.audit.head().id == 240
        for who in ("ann", "bob"):
            objects = [one.object for one in archive.audit.events(equal={"who": who})][::-1]
            assert objects == [f"{n}.{k}" for n in range(40) for k in range(3)]


def test_what_cannot_be_noted_is_noted_not_at_all(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1))

        def half(transaction: Transaction) -> None:
            archive.audit._add(transaction, [event(2), event(3)])
            raise ArchiveBusy("the disk is full")

        with pytest.raises(ArchiveBusy):
            archive.catalog.write(half)
        assert archive.audit.head().id == 1
        archive.audit.note(event(4))
        assert [one.object for one in archive.audit.events()] == ["1.2.4", "1.2.1"]
        assert archive.audit.broken() is None


def test_odd_text_to_choose_by_finds_nothing(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        archive.audit.note(event(1))
        assert list(archive.audit.events(equal={"who": "' OR 1=1 --"})) == []
        assert list(archive.audit.events(equal={"who": "\ud800"})) == []
