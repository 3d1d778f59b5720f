"""Objects that arrive at the same time: durable together, refused alone."""

import hashlib
import io
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.archive.blobs import BlobId
from medarchive.archive.ingest import Offer, Stored
from medarchive.archive.instances import everything
from medarchive.dicom.query import Level, Query
from medarchive.errors import ArchiveBusy, Conflict, NotDicom
from medarchive.settings import Settings


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open(Settings(archive=tmp_path / "archive"))


class Together:
    """Sends objects so that all but the first gather while the first is being kept."""

    def __init__(self, archive: Archive, monkeypatch: pytest.MonkeyPatch, fail: int = 0) -> None:
        self.archive = archive
        self.sizes: list[int] = []
        self.answers: dict[int, object] = {}
        self._fail = fail
        self._entered, self._go = threading.Event(), threading.Event()
        self._put_all = archive.blobs.put_all
        monkeypatch.setattr(archive.blobs, "put_all", self._held)

    def _held(self, streams: Sequence[BinaryIO]) -> list[BlobId]:
        self.sizes.append(len(streams))
        self._entered.set()
        assert self._go.wait(30)
        if len(self.sizes) <= self._fail:
            raise ArchiveBusy("disk full")
        return self._put_all(streams)

    def send(self, objects: Sequence[bytes]) -> None:
        def one(number: int) -> None:
            try:
                self.answers[number] = self.archive.store(io.BytesIO(objects[number])).outcome
            except Exception as error:  # noqa: BLE001  # the answer that is looked at
                self.answers[number] = error

        threads = [threading.Thread(target=one, args=(number,)) for number in range(len(objects))]
        threads[0].start()
        assert self._entered.wait(30)
        for thread in threads[1:]:
            thread.start()
        gathered = self.archive._ingest._group._gathered
        deadline = time.monotonic() + 30
        while len(gathered) < len(objects) - 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self._go.set()
        for thread in threads:
            thread.join(30)


def test_what_gathers_is_kept_together(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(archive, monkeypatch)
    objects = [ct(number) for number in range(1, 9)]
    together.send(objects)
    assert together.sizes == [1, 7]
    assert list(together.answers.values()) == ["stored"] * 8
    assert {archive.load(record.uid).read() for record in everything(archive.catalog)} == set(objects)
    assert list(archive.check(read_data=True)) == []


def test_an_object_that_is_refused_is_refused_alone(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(archive, monkeypatch)
    together.send([ct(1), ct(2), ct(3), ct(3), ct(4), ct(4, PatientName="Other^Person")])
    answers = [together.answers[number] for number in range(6)]
    assert answers[:2] == ["stored", "stored"]
    assert sorted(map(str, answers[2:4])) == ["duplicate", "stored"]
    assert [type(answer) for answer in answers[4:]].count(Conflict) == 1
    assert together.sizes[:2] == [1, 5]
    assert archive.stats().instances == 4


def test_a_store_that_fails_tells_every_caller(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(archive, monkeypatch, fail=5)
    together.send([ct(1), ct(2), ct(3), ct(4)])
    assert together.sizes == [1, 3, 1, 1, 1]
    assert [type(answer) for answer in together.answers.values()] == [ArchiveBusy] * 4
    assert archive.stats().instances == 0
    assert archive.store(io.BytesIO(ct(1))).outcome == "stored"


def offer(data: bytes) -> Offer:
    return Offer(lambda: io.BytesIO(data))


def test_offered_together_kept_together(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    put_all = archive.blobs.put_all

    def counting(streams: Sequence[BinaryIO]) -> list[BlobId]:
        sizes.append(len(streams))
        return put_all(streams)

    monkeypatch.setattr(archive.blobs, "put_all", counting)
    outcomes = archive.store_all([offer(ct(number)) for number in range(1, 6)])
    assert [outcome.uid for outcome in outcomes if isinstance(outcome, Stored)] == [
        f"1.2.3.1.1.{n}" for n in range(1, 6)
    ]
    assert sizes == [5], "one sync of everything, one commit"
    assert list(archive.check(read_data=True)) == []
    assert archive.stats().instances == 5
    assert archive.store_all([]) == []


def test_each_offer_gets_its_own_answer(archive: Archive) -> None:
    """A good one, the same twice, other bytes under its UID, no DICOM, another good one: in one group."""
    odd = [ct(1), ct(1), ct(1, PatientName="Other"), b"no DICOM", ct(2)]
    outcomes = archive.store_all([offer(data) for data in odd])
    said = [outcome.outcome if isinstance(outcome, Stored) else type(outcome) for outcome in outcomes]
    assert said == ["stored", "duplicate", Conflict, NotDicom, "stored"]
    assert archive.load("1.2.3.1.1.1").read() == ct(1)
    assert archive.load("1.2.3.1.1.2").read() == ct(2)
    problems = [(problem.kind, problem.subject) for problem in archive.check(read_data=True)]
    assert problems == [("orphan", hashlib.sha256(odd[2]).hexdigest())], "the refused one, for the collector"
    assert archive.stats().instances == 2


def test_counts_are_those_of_what_came(archive: Archive) -> None:
    objects = [
        ct(n, uid=f"1.7.{s}.{n}", series=f"1.7.{s}", study=f"1.7.{s // 2}") for s in range(4) for n in range(1, 4)
    ]
    archive.store_all([offer(data) for data in objects])
    studies = list(archive.find(Query.from_pairs(Level.STUDY, ["NumberOfStudyRelatedInstances="])))
    assert [match.values["NumberOfStudyRelatedInstances"] for match in studies] == ["6", "6"]
    assert [match.values["NumberOfStudyRelatedSeries"] for match in studies] == ["2", "2"]
