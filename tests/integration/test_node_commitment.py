"""Storage Commitment with pynetdicom as the peer: what is asked for, what is proven, and how the peer hears of it."""

import io
import queue
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION
from pynetdicom.sop_class import (
    MRImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from contracts.objects import ct
from contracts.policies import NEAR, SERIES, apply, fill, settings_of, slices
from integration.conftest import with_destination
from medarchive.archive import jobs
from medarchive.archive.archive import Archive
from medarchive.archive.commitments import Commitments
from medarchive.dicom_node import commitment, receiving, reporter
from medarchive.dicom_node import node as node_module
from medarchive.dicom_node.node import Node
from medarchive.errors import ArchiveBusy

UIDS = [f"1.2.3.1.1.{number}" for number in (1, 2, 3)]
PUSH = StorageCommitmentPushModel


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "_LOOK", 0.02)
    monkeypatch.setattr(jobs, "_FIRST_PAUSE", 0.1)


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number in (1, 2, 3):
        archive.store(io.BytesIO(ct(number)))
    return archive


def references(*uids: str, sop_class: str = CTImageStorage) -> list[Dataset]:
    found = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        found.append(item)
    return found


def action(items: list[Dataset], transaction: str | None = None) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = transaction or generate_uid()
    asked.ReferencedSOPSequence = items
    return asked


class Modality:
    """Asks for commitment and keeps the reports that it hears, on any association."""

    def __init__(self) -> None:
        self.reports: queue.Queue[tuple[int, Dataset, Association]] = queue.Queue()
        self.status = 0x0000
        self.hang_up = False
        self.server: Any = None

    def heard(self, event: evt.Event) -> tuple[int, Dataset | None]:
        assert event.request.AffectedSOPInstanceUID == StorageCommitmentPushModelInstance
        self.reports.put((event.request.EventTypeID, event.event_information, event.assoc))
        if self.hang_up:
            self.hang_up = False
            event.assoc.abort()
        return self.status, None

    def listen(self, *, port: int = 0, roles: bool = True) -> int:
        ae = AE(ae_title="MODALITY")
        role = {"scu_role": False, "scp_role": True} if roles else {}
        ae.add_supported_context(PUSH, [ImplicitVRLittleEndian], **role)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.heard)]
        self.server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        return int(self.server.server_address[1])

    def associate(self, node: Node, *others: str) -> Association:
        ae = AE(ae_title="MODALITY")
        ae.add_requested_context(PUSH, [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
        for other in others:
            ae.add_requested_context(other, ExplicitVRLittleEndian)
        association = ae.associate(
            *("127.0.0.1", node.port),
            ae_title="MEDARCHIVE",
            ext_neg=[build_role(CTImageStorage, scp_role=True)] if CTImageStorage in others else [],
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.heard), (evt.EVT_C_STORE, lambda _: 0)],
        )
        assert association.is_established
        return association

    def ask(self, node: Node, asked: Dataset | None) -> int:
        association = self.associate(node)
        status = send(association, asked)
        association.release()
        return status

    def report(self, seconds: float = 20) -> tuple[int, Dataset]:
        kind, event, _ = self.reports.get(timeout=seconds)
        return kind, event


@pytest.fixture
def modality() -> Iterator[Modality]:
    modality = Modality()
    yield modality
    if modality.server is not None:
        modality.server.shutdown()


def send(association: Association, asked: Dataset | None, kind: int = 1, **uids: str) -> int:
    class_uid, instance = uids.get("class_uid", PUSH), uids.get("instance", StorageCommitmentPushModelInstance)
    status, _ = association.send_n_action(asked, kind, class_uid, instance, meta_uid=PUSH)
    return int(status.Status)


def committed(archive: Archive) -> set[str]:
    rows = archive.catalog.read("SELECT SOPInstanceUID AS uid FROM instance WHERE committed_at IS NOT NULL")
    return {row["uid"] for row in rows}


def listed(event: Dataset, sequence: str) -> list[tuple[str, ...]]:
    return [
        (item.ReferencedSOPInstanceUID, *([f"{item.FailureReason:04X}"] if "FailureReason" in item else []))
        for item in event.get(sequence, [])
    ]


def work(archive: Archive) -> None:
    for done in archive.compress(kinds=("commit",), wait_for_all=True):
        assert not done.error, done.error


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def state(archive: Archive) -> list[str]:
    return [each.state for each in archive.commitments().all()]


def damage(archive: Archive, uid: str) -> None:
    record = archive.instance(uid)
    path: Path = archive.settings.archive / "blobs" / record.blob[:2] / record.blob
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("roles", [True, False])
def test_all_is_committed_and_reported_on_an_association_of_our_own(
    node: Node, filled: Archive, modality: Modality, roles: bool
) -> None:
    with_destination(filled, modality.listen(roles=roles), "MODALITY")
    asked = action(references(*UIDS))
    assert modality.ask(node, asked) == 0
    assert committed(filled) == set(), "nothing is promised before it is proven"
    work(filled)
    assert committed(filled) == set(UIDS)
    kind, event, association = modality.reports.get(timeout=20)
    assert (kind, event.TransactionUID, event.RetrieveAETitle) == (1, asked.TransactionUID, "MEDARCHIVE")
    assert listed(event, "ReferencedSOPSequence") == [(uid,) for uid in UIDS]
    assert "FailedSOPSequence" not in event
    proposed = [
        (each.sop_class_uid, each.scu_role, each.scp_role) for each in association.requestor.role_selection.values()
    ]
    assert proposed == [(PUSH, False, True)]
    until(lambda: state(filled) == ["reported"])
    assert list(filled.jobs()) == [job for job in filled.jobs() if job.kind == "compress"]


def test_a_report_comes_on_the_association_of_the_request(node: Node, filled: Archive, modality: Modality) -> None:
    association = modality.associate(node)
    assert send(association, action(references(*UIDS))) == 0
    work(filled)
    kind, _, used = modality.reports.get(timeout=20)
    assert (kind, used) == (1, association)
    until(lambda: state(filled) == ["reported"])
    association.release()


def test_an_association_that_ends_before_the_answer_costs_nothing(
    node: Node, filled: Archive, modality: Modality
) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    association = modality.associate(node)
    modality.hang_up = True
    assert send(association, action(references(*UIDS))) == 0
    work(filled)
    assert modality.reports.get(timeout=20)[2] is association
    kind, _, second = modality.reports.get(timeout=20)
    assert kind == 1
    assert second is not association
    until(lambda: state(filled) == ["reported"])
    assert [job.kind for job in filled.jobs()] == ["compress"] * 3


def test_a_node_that_ends_does_not_wait_for_a_peer_that_hangs(
    filled: Archive, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "_REPORT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        with_destination(filled, hanging.getsockname()[1], "MODALITY")
        with Node(filled) as node:
            assert modality.ask(node, action(references(*UIDS))) == 0
            work(filled)
            until(lambda: any((job.kind, job.state) == ("report", "leased") for job in filled.jobs()))
            begun = time.monotonic()
        assert time.monotonic() - begun < 10
    (job,) = [job for job in filled.jobs() if job.kind == "report"]
    assert (job.state, job.attempts) == ("waiting", 0)
    with_destination(filled, modality.listen(), "MODALITY")
    with Node(filled):
        assert modality.report()[0] == 1
        until(lambda: state(filled) == ["reported"])
    assert node._reporter._thread is not None
    node._reporter._thread.join(20)


def test_what_the_peer_asks_for_meanwhile_is_served(node: Node, filled: Archive, modality: Modality) -> None:
    """A peer that asks and retrieves on the association on which it waits for reports, which are long."""
    find, get = StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet
    association = modality.associate(node, find, get, CTImageStorage)
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.2.3.1"
    many = references(*UIDS, *(f"9.9.{number}" for number in range(600)))
    for _ in range(8):
        assert send(association, action(many)) == 0
    work(filled)
    for _ in range(8):
        assert [status.Status for status, _ in association.send_c_find(query, find)] == [0xFF00, 0]
        final = [status for status, _ in association.send_c_get(query, get)][-1]
        assert (final.Status, final.NumberOfCompletedSuboperations) == (0, 3)
    for _ in range(8):
        kind, event = modality.report()
        assert (kind, len(event.FailedSOPSequence), len(event.ReferencedSOPSequence)) == (2, 600, 3)
    until(lambda: set(state(filled)) == {"reported"})
    association.release()


def test_what_is_not_here_or_is_another_thing_fails(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    filled.delete(UIDS[2])
    asked = references(UIDS[0], "9.9", UIDS[2]) + references(UIDS[1], sop_class=MRImageStorage)
    assert modality.ask(node, action(asked)) == 0
    work(filled)
    kind, event = modality.report()
    assert kind == 2
    assert listed(event, "ReferencedSOPSequence") == [(UIDS[0],)]
    assert listed(event, "FailedSOPSequence") == [("9.9", "0112"), (UIDS[2], "0112"), (UIDS[1], "0119")]
    assert committed(filled) == {UIDS[0]}


@pytest.mark.parametrize("compressed", [False, True])
def test_what_does_not_come_back_is_not_committed(
    node: Node, filled: Archive, modality: Modality, compressed: bool
) -> None:
    if compressed:
        list(filled.compress(kinds=("compress",)))
    with_destination(filled, modality.listen(), "MODALITY")
    damage(filled, UIDS[1])
    assert modality.ask(node, action(references(*UIDS))) == 0
    work(filled)
    kind, event = modality.report()
    assert kind == 2
    assert listed(event, "FailedSOPSequence") == [(UIDS[1], "0110")]
    assert committed(filled) == {UIDS[0], UIDS[2]}


@pytest.mark.filterwarnings("ignore:.*(VR UI|Invalid value for VR)")  # of the peer, which is pydicom too
def test_uids_come_back_as_the_peer_wrote_them(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    asked = action(references("1.2.0003.4", "no uid at all", sop_class="1.02"), "2.25.007")
    assert modality.ask(node, asked) == 0
    work(filled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, event = modality.report()
    assert event.TransactionUID == "2.25.007"
    assert listed(event, "FailedSOPSequence") == [("1.2.0003.4", "0112"), ("no uid at all", "0112")]


def test_nothing_committed_says_nothing_of_success(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    modality.ask(node, action(references("9.9")))
    work(filled)
    kind, event = modality.report()
    assert (kind, "ReferencedSOPSequence" in event, "RetrieveAETitle" in event) == (2, False, False)


def test_a_node_that_ends_between_request_and_report(filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    asked = action(references(*UIDS))
    with Node(filled) as first:
        assert modality.ask(first, asked) == 0
    with Archive.open(filled.settings) as again:
        assert state(again) == ["asked"]
        work(again)
        assert state(again) == ["decided"]
        with Node(again):
            kind, event = modality.report()
            assert (kind, event.TransactionUID) == (1, asked.TransactionUID)
            until(lambda: state(again) == ["reported"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom drops a refused socket
def test_a_peer_that_is_away_hears_when_it_is_back(node: Node, filled: Archive, modality: Modality) -> None:
    port = modality.listen()
    modality.server.shutdown()
    with_destination(filled, port, "MODALITY")
    assert modality.ask(node, action(references(*UIDS))) == 0
    assert modality.ask(node, action(references(UIDS[0]))) == 0
    work(filled)
    until(lambda: any(job.attempts >= 2 and job.error for job in filled.jobs()))
    failing = next(job for job in filled.jobs() if job.error)
    assert failing.kind == "report"
    assert "no association with MODALITY=127.0.0.1" in failing.error
    assert state(filled) == ["decided", "decided"]
    modality.listen(port=port)
    assert {modality.report()[0] for _ in range(2)} == {1}
    until(lambda: state(filled) == ["reported", "reported"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom drops a refused socket
def test_a_peer_that_stays_away_is_given_up_visibly(
    filled: Archive, modality: Modality, caplog: pytest.LogCaptureFixture
) -> None:
    filled.settings = replace(filled.settings, report_attempts=2)
    with_destination(filled, 1, "MODALITY")
    with Node(filled) as node:
        asked = action(references(*UIDS))
        modality.ask(node, asked)
        work(filled)
        until(lambda: state(filled) == ["given up"])
        (job,) = [job for job in filled.jobs() if job.kind == "report"]
        assert (job.state, job.attempts) == ("failed", 2)
        until(lambda: f"{asked.TransactionUID} for MODALITY is given up" in caplog.text)  # said after it is noted
        assert committed(filled) == set(UIDS)
        with_destination(filled, modality.listen(), "MODALITY")
        assert filled.retry() == 1
        assert modality.report()[0] == 1


def test_a_peer_that_refuses_a_report_gets_it_again(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    modality.status = 0x0110
    modality.ask(node, action(references(*UIDS)))
    work(filled)
    assert modality.report()[0] == 1
    until(lambda: "0110" in next((job.error for job in filled.jobs() if job.kind == "report"), ""))
    modality.status = 0
    assert modality.report()[0] == 1
    until(lambda: state(filled) == ["reported"])


def test_an_unknown_peer_has_no_address(node: Node, filled: Archive, modality: Modality) -> None:
    assert modality.ask(node, action(references(*UIDS))) == 0
    work(filled)
    until(lambda: any("no peer of the settings" in job.error for job in filled.jobs()))


def test_a_transaction_uid_that_is_taken(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    assert modality.ask(node, action(references(UIDS[0]), "1.2.99")) == 0
    assert modality.ask(node, action(references(UIDS[1], UIDS[2]), "1.2.99")) == 0
    work(filled)
    reports = sorted([modality.report(), modality.report()], key=lambda report: report[0])
    assert [(kind, event.TransactionUID) for kind, event in reports] == [(1, "1.2.99"), (2, "1.2.99")]
    assert listed(reports[0][1], "ReferencedSOPSequence") == [(UIDS[0],)]
    assert listed(reports[1][1], "FailedSOPSequence") == [(UIDS[1], "0131"), (UIDS[2], "0131")]
    assert committed(filled) == {UIDS[0]}


def test_the_same_request_again_is_looked_at_again(node: Node, filled: Archive, modality: Modality) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    asked = action(references(UIDS[0], "1.2.3.1.1.4"), "1.2.99")
    assert [modality.ask(node, asked), modality.ask(node, asked)] == [0, 0]
    work(filled)
    assert listed(modality.report()[1], "FailedSOPSequence") == [("1.2.3.1.1.4", "0112")]
    until(lambda: state(filled) == ["reported"])
    filled.store(io.BytesIO(ct(4)))
    assert modality.ask(node, asked) == 0
    work(filled)
    assert modality.report()[0] == 1
    assert committed(filled) == {UIDS[0], "1.2.3.1.1.4"}
    until(lambda: state(filled) == ["reported"])


def wrong_requests() -> dict[str, tuple[Dataset | None, int]]:
    no_transaction, no_sequence, no_uid, two_uids, long_uid = (action(references(*UIDS)) for _ in range(5))
    del no_transaction.TransactionUID
    del no_sequence.ReferencedSOPSequence
    del no_uid.ReferencedSOPSequence[1].ReferencedSOPInstanceUID
    two_uids.ReferencedSOPSequence[1].ReferencedSOPClassUID = ["1.2", "1.3"]
    long_uid.ReferencedSOPSequence[2].ReferencedSOPInstanceUID = "1." + "2" * 64
    return {
        "nothing": (None, 0x0115),
        "no transaction": (no_transaction, 0x0115),
        "no sequence": (no_sequence, 0x0115),
        "empty sequence": (action([]), 0x0115),
        "no uid": (no_uid, 0x0115),
        "two uids": (two_uids, 0x0115),
        "long uid": (long_uid, 0x0115),
        "too many": (action(references(*["1.2"] * 301)), 0x0213),
        "too large": (action(references(*["1." + "2" * 60] * 300)), 0x0213),
    }


@pytest.mark.filterwarnings("ignore:.*(VR UI|Invalid value for VR)")
def test_wrong_requests_cost_nothing(
    node: Node, filled: Archive, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment, "_MOST_INSTANCES", 300)
    monkeypatch.setattr(commitment, "_MOST_BYTES", 30_000)
    association = modality.associate(node)
    for name, (asked, expected) in wrong_requests().items():
        assert send(association, asked) == expected, name
    assert send(association, action(references(*UIDS)), 2) == 0x0123
    assert send(association, action(references(*UIDS)), instance="1.2.840.10008.1.20.1.2") == 0x0112
    assert send(association, action(references(*UIDS)), class_uid="1.2.840.10008.1.20.2") == 0x0118
    assert (list(filled.commitments().all()), committed(filled)) == ([], set())
    assert [job.kind for job in filled.jobs()] == ["compress"] * 3
    assert send(association, action(references(*UIDS))) == 0, "the association lives on"
    association.release()


def test_bytes_that_are_no_data_set(node: Node, filled: Archive, modality: Modality) -> None:
    association = modality.associate(node)
    sequence = b"\x08\x00\x99\x11"
    for data in (b"\xff" * 999, sequence + b"\xff\xff\xff\xff", sequence + b"\x10\0\0\0short", sequence * 5000):
        request = N_ACTION()
        request.MessageID, request.ActionTypeID = 5, 1
        request.RequestedSOPClassUID, request.RequestedSOPInstanceUID = PUSH, StorageCommitmentPushModelInstance
        request.ActionInformation = io.BytesIO(data)
        association._reactor_checkpoint.clear()
        until(lambda: association._is_paused)
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        _, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        assert answer.Status == 0x0115
    assert send(association, action(references(*UIDS))) == 0
    association.release()


def test_a_request_that_never_ends_is_broken_off(
    node: Node, filled: Archive, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_MOST_DATA_SET", 1 << 18)
    association = modality.associate(node)
    status, _ = association.send_n_action(
        action(references(*["1." + "2" * 60] * 4000)), 1, PUSH, StorageCommitmentPushModelInstance
    )
    assert "Status" not in status
    until(lambda: association.is_aborted)
    assert modality.ask(node, action(references(*UIDS))) == 0


def test_a_busy_catalogue_refuses_for_now(
    node: Node, filled: Archive, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise ArchiveBusy("locked")

    monkeypatch.setattr(Commitments, "request", busy)
    assert modality.ask(node, action(references(*UIDS))) == 0x0213


def test_what_is_committed_is_never_replaced_by_a_version_with_loss(tmp_path: Path, modality: Modality) -> None:
    with Archive.open(replace(settings_of(tmp_path, NEAR), port=0, any_peer=True)) as archive, Node(archive) as node:
        fill(archive, slices())
        association = modality.associate(node)
        assert send(association, action(references(f"{SERIES}.2"))) == 0
        work(archive)
        assert modality.report()[0] == 1
        association.release()
        (prospect,) = archive.policy().all()
        assert [each.reason for each in prospect.refusals] == ["the archive has committed itself to keep it"]
        assert apply(archive) == 0
        assert {uid: archive.load(uid).read() for uid in slices()} == slices()


def audited(archive: Archive) -> Sequence[tuple[str, ...]]:
    """The oldest first."""
    events = archive.audit.events(equal={"action": "commit"})
    told: list[tuple[str, ...]] = [(one.who, one.origin, one.outcome, one.detail) for one in events]
    return told[::-1]


def test_the_audit_record_has_the_request_and_what_became_of_it(
    node: Node, filled: Archive, modality: Modality
) -> None:
    with_destination(filled, modality.listen(), "MODALITY")
    asked = action(references(*UIDS, "1.2.3.99"))
    assert modality.ask(node, asked) == 0
    work(filled)
    modality.report()
    until(lambda: len(audited(filled)) == 2)
    assert audited(filled) == [
        ("MODALITY", "127.0.0.1", "success", "asked for 4 instances"),
        ("MODALITY", "127.0.0.1", "failed", "3 instances committed, 1 not"),
    ]
    assert {one.object for one in filled.audit.events()} == {asked.TransactionUID}


def test_the_audit_record_has_a_request_that_was_refused(node: Node, filled: Archive, modality: Modality) -> None:
    assert modality.ask(node, action([])) == 0x0115
    assert audited(filled) == [("MODALITY", "127.0.0.1", "failed", "N-ACTION: status 0115")]
