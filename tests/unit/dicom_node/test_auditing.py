"""What is made of what peers do, before it is written down."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.dicom_node.auditing import Auditor
from medarchive.errors import ArchiveBusy
from medarchive.settings import Settings


class Association:
    """An association as the auditor sees it."""

    def __init__(self, title: str = "CT1 ", address: str = "10.0.0.7") -> None:
        self.requestor = SimpleNamespace(primitive=SimpleNamespace(calling_ae_title=title), address=address)


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path / "archive")) as archive:
        yield archive


def told(archive: Archive) -> list[tuple[str, str, str, str]]:
    """The oldest first."""
    events = list(archive.audit.events())[::-1]
    assert all(one.face == "node" for one in events)
    return [(one.who, one.object, one.outcome, one.detail) for one in events]


def test_pushes_are_counted_by_study_until_the_association_ends(archive: Archive) -> None:
    auditor = Auditor(archive.audit)
    one, other = Association(), Association("MR2")
    for association, study, stored in (
        *((one, "1.2", True),) * 3,
        (other, "1.2", True),
        (one, "1.3", True),
        (one, "", False),
    ):
        auditor.pushed(association, study, stored=stored)
    assert told(archive) == []
    auditor.closed(one)
    assert told(archive) == [
        ("CT1", "1.2", "success", "3 by C-STORE"),
        ("CT1", "1.3", "success", "1 by C-STORE"),
        ("CT1", "", "failed", "1 by C-STORE"),
    ]
    auditor.closed(one)
    assert len(told(archive)) == 3, "once"
    auditor.close()
    assert told(archive)[3:] == [("MR2", "1.2", "success", "1 by C-STORE")]


def test_an_association_that_stays_open_is_written_down_all_the_same(archive: Archive) -> None:
    clock = Clock()
    auditor, association = Auditor(archive.audit, clock), Association()
    auditor.pushed(association, "1.2", stored=True)
    clock.now += 601
    auditor.pushed(association, "1.2", stored=True)
    assert told(archive) == [("CT1", "1.2", "success", "2 by C-STORE")]
    auditor.pushed(association, "1.2", stored=True)
    auditor.closed(association)
    assert told(archive)[1:] == [("CT1", "1.2", "success", "1 by C-STORE")]


def test_who_is_rejected_often_fills_no_record(archive: Archive) -> None:
    clock = Clock()
    auditor = Auditor(archive.audit, clock)
    for number in range(1000):
        auditor.rejected(Association(f"EVIL{number}", "10.0.0.66"), "calling AE title not recognised")
    auditor.rejected(Association("LOST", "10.0.0.7"), "called AE title X not recognised")
    first = [
        ("EVIL0", "", "refused", "calling AE title not recognised"),
        ("LOST", "", "refused", "called AE title X not recognised"),
    ]
    assert told(archive) == first
    clock.now += 61
    auditor.rejected(Association("EVIL", "10.0.0.66"), "calling AE title not recognised")
    counted = ("", "", "refused", "999 further associations rejected within 60 seconds of that")
    assert told(archive)[2:] == [counted, ("EVIL", "", "refused", "calling AE title not recognised")]
    auditor.close()
    assert len(told(archive)) == 4


def test_a_retrieval_is_one_event_for_each_study(archive: Archive) -> None:
    Auditor(archive.audit).retrieved(Association(), "C-GET", {"1.2": 3, "1.3": 1}, "of all, 2 of 4 sent", "failed")
    assert told(archive) == [
        ("CT1", "1.2", "failed", "C-GET, 3 instances; of all, 2 of 4 sent"),
        ("CT1", "1.3", "failed", "C-GET, 1 instances; of all, 2 of 4 sent"),
    ]


def test_an_event_that_cannot_be_written_costs_nobody_an_answer(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*events: Event) -> None:
        raise ArchiveBusy("disk full")

    monkeypatch.setattr(archive.audit, "note", full)
    association: Any = Association()
    auditor = Auditor(archive.audit)
    auditor.note(association, "query", "C-FIND STUDY by nothing")
    auditor.pushed(association, "1.2", stored=True)
    auditor.closed(association)
    assert caplog.text.count("the audit record lacks 1 events") == 2
