"""Requests for storage commitment in the catalogue, and the job that answers them, without a network."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from contracts.objects import ct
from medarchive.archive import commit, jobs
from medarchive.archive.archive import Archive
from medarchive.archive.commitments import Commitment, Failure
from medarchive.settings import Settings

UIDS = [f"1.2.3.1.1.{number}" for number in range(1, 5)]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path / "archive", effort=1, workers=1, attempts=2)) as archive:
        for number in range(1, 5):
            archive.store(io.BytesIO(ct(number)))
        yield archive


def ask(archive: Archive, *uids: str, transaction: str = "1.2.9", peer: str = "CT1") -> int:
    return archive.commitments().request(peer, transaction, [(CTImageStorage, uid) for uid in uids or UIDS])


def run(archive: Archive) -> list[str]:
    return [done.error for done in archive.compress(kinds=("commit",))]


def one(archive: Archive) -> Commitment:
    (found,) = archive.commitments().all()
    return found


def failures(archive: Archive, number: int) -> list[int | None]:
    return [item.failure for item in archive.commitments().items(number)]


def lose(archive: Archive, uid: str) -> None:
    record = archive.instance(uid)
    (archive.settings.archive / "blobs" / record.blob[:2] / record.blob).unlink()


def test_a_request_is_decided_and_its_report_waits(archive: Archive) -> None:
    ask(archive)
    assert (one(archive).state, one(archive).instances) == ("asked", 4)
    assert run(archive) == [""]
    assert (one(archive).state, one(archive).committed, one(archive).failed) == ("decided", 4, 0)
    assert [job.kind for job in archive.jobs() if job.kind != "compress"] == ["report"]
    assert [done.error for done in archive.compress()] == [""] * 4, "an archive sends no reports"
    assert [job.kind for job in archive.jobs() if job.kind != "group"] == ["report"]


def test_a_lost_blob_is_a_processing_failure_and_is_never_committed(archive: Archive) -> None:
    lose(archive, UIDS[2])
    assert failures(archive, ask(archive)) == [None] * 4
    run(archive)
    assert failures(archive, 1) == [0, 0, Failure.PROCESSING_FAILURE, 0]
    assert archive.catalog.read("SELECT count(*) AS n FROM instance WHERE committed_at IS NULL")[0]["n"] == 1


def test_what_may_pass_is_tried_again_and_fails_in_the_end(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_FIRST_PAUSE", 0.0)
    restore = commit.Committer._proven

    def unreadable(self: commit.Committer, item: object, record: object) -> object:
        if record.uid == UIDS[1]:  # type: ignore[attr-defined]
            raise OSError(5, "Input/output error")
        return restore(self, item, record)  # type: ignore[arg-type]

    monkeypatch.setattr(commit.Committer, "_proven", unreadable)
    ask(archive)
    first, second = run(archive)
    assert (second, "Input/output error" in first) == ("", True)
    assert failures(archive, 1) == [0, Failure.PROCESSING_FAILURE, 0, 0]


def test_a_long_request_goes_on_where_it_stopped(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_SECONDS", 0.0)
    monkeypatch.setattr(commit, "_TURN", 0.0)
    ask(archive)
    assert run(archive) == [""] * 5, "one turn for each, and one for the end"
    assert one(archive).committed == 4
    assert all(job.attempts <= 1 for job in archive.jobs())


def test_what_is_deleted_between_proof_and_note_is_not_committed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven = commit.Committer._outcomes

    def slow(self: commit.Committer, *arguments: object, **options: object) -> object:
        outcomes = proven(self, *arguments, **options)  # type: ignore[arg-type]
        archive.delete(UIDS[0])
        return outcomes

    monkeypatch.setattr(commit.Committer, "_outcomes", slow)
    ask(archive)
    run(archive)
    assert failures(archive, 1) == [Failure.NO_SUCH_INSTANCE, 0, 0, 0]


def test_the_process_that_has_the_association_reports_first(archive: Archive) -> None:
    number = ask(archive)
    run(archive)
    requests = archive.commitments()
    assert requests.take_report("other", []) is None
    report = requests.take_report("ours", [number])
    assert report is not None
    assert requests.take_report("other", [number]) is None
    report.not_sent("nobody there")
    assert requests.take_report("ours", []) is None, "not at once"


def test_a_peer_that_is_away_costs_one_attempt_for_all_its_reports(archive: Archive) -> None:
    numbers = [ask(archive, UIDS[0], transaction=f"1.2.{n}", peer=peer) for n, peer in enumerate(("A", "A", "B"))]
    list(archive.compress(kinds=("commit",)))
    requests = archive.commitments()
    first = requests.take_report("w", numbers)
    assert first is not None
    assert first.commitment.peer == "A"
    first.not_sent("nobody there")
    time.sleep(1.1)  # the head start
    second = requests.take_report("w", [])
    assert second is not None
    assert second.commitment.peer == "B"
    assert requests.take_report("w", []) is None


def test_a_failed_request_that_comes_again_begins_anew(archive: Archive) -> None:
    ask(archive)
    archive.catalog.write(lambda t: t.execute("UPDATE job SET state = 'failed' WHERE kind = 'commit'"))
    assert one(archive).state == "given up"
    assert ask(archive) == 1
    run(archive)
    assert one(archive).state == "decided"
    archive.catalog.write(lambda t: t.execute("UPDATE job SET state = 'failed' WHERE kind = 'report'"))
    assert ask(archive) == 1
    run(archive)
    assert one(archive).state == "decided"


def test_a_transaction_uid_of_another_peer_is_taken_too(archive: Archive) -> None:
    ask(archive, peer="CT1")
    assert failures(archive, ask(archive, peer="CT2")) == [Failure.DUPLICATE_TRANSACTION] * 4
    run(archive)
    assert [each.committed for each in archive.commitments().all()] == [4, 0]


def test_committing_without_a_request_proves_too(archive: Archive) -> None:
    lose(archive, UIDS[0])
    assert archive.commit([*UIDS, "9.9"]) == [UIDS[0], "9.9"]
