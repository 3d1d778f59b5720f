"""What peers do at the node stands in the audit record."""

import io
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelFind
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Get
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as Move

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.dicom_node.node import Node
from medarchive.settings import Peer

STORESCU = "/usr/bin/storescu"


def push(node: Node, folder: Path, *files: bytes, title: str = "CT1") -> None:
    paths = [folder / f"{number}.dcm" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    subprocess.run([STORESCU, "-aet", title, "127.0.0.1", str(node.port), *map(str, paths)], check=False)


def written(archive: Archive, count: int) -> list[Event]:
    """All events, the oldest first, when there are so many: they are written when an association has ended."""
    until = time.monotonic() + 10
    while len(list(archive.audit.events())) < count and time.monotonic() < until:
        time.sleep(0.05)
    return list(archive.audit.events())[::-1]


def test_a_push_is_one_event_for_each_study(node: Node, archive: Archive, tmp_path: Path) -> None:
    push(node, tmp_path, ct(1), ct(2), ct(1, study="1.2.4", series="1.2.4.1"))
    events = written(archive, 2)
    assert {(one.object, one.detail) for one in events} == {("1.2.3.1", "2 by C-STORE"), ("1.2.4", "1 by C-STORE")}
    assert {(one.action, one.who, one.origin, one.face, one.outcome) for one in events} == {
        ("upload", "CT1", "127.0.0.1", "node", "success")
    }


def test_what_was_not_stored_is_a_failure(node: Node, archive: Archive, tmp_path: Path) -> None:
    push(node, tmp_path, ct(1))
    push(node, tmp_path, ct(1, PatientName="OTHER"))
    assert [one.outcome for one in written(archive, 2)] == ["success", "failed"]


def test_a_question_says_by_what_and_not_for_whom(node: Node, archive: Archive) -> None:
    ae = AE(ae_title="WS1")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.PatientName, asked.StudyInstanceUID = "STUDY", "DOE*", ""
    list(association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind))
    association.release()
    (event,) = written(archive, 1)
    assert (event.action, event.who, event.detail) == ("query", "WS1", "C-FIND STUDY by PatientName")


def test_a_retrieval(node: Node, archive: Archive, tmp_path: Path) -> None:
    push(node, tmp_path, ct(1), ct(2))
    ae = AE(ae_title="WS1")
    ae.add_requested_context(Get)
    ae.add_requested_context(CTImageStorage)
    role = build_role(CTImageStorage, scp_role=True)
    handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE", ext_neg=[role], evt_handlers=handlers)
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", "1.2.3.1"
    list(association.send_c_get(asked, Get))
    association.release()
    event = written(archive, 2)[-1]
    assert (event.action, event.who, event.object, event.outcome) == ("download", "WS1", "1.2.3.1", "success")
    assert event.detail == "C-GET, 2 instances; of all, 2 of 2 sent"


def test_strangers_are_written_down(archive: Archive, tmp_path: Path) -> None:
    archive.settings = replace(archive.settings, any_peer=False)
    with Node(archive) as node:
        push(node, tmp_path, ct(1), title="EVIL")
        (event,) = written(archive, 1)
    assert (event.action, event.who, event.outcome) == ("login", "EVIL", "refused")


def test_who_calls_somebody_else_is_written_down(archive: Archive, tmp_path: Path) -> None:
    archive.settings = replace(archive.settings, any_peer=False, peers=(Peer("CT1", "127.0.0.1", 104),))
    with Node(archive) as node:
        push(node, tmp_path, ct(1))  # storescu calls ANY-SCP
        (event,) = written(archive, 1)
    assert (event.action, event.who, event.outcome) == ("login", "CT1", "refused")
    assert event.detail == "called AE title ANY-SCP not recognised"


def test_more_associations_than_there_may_be(archive: Archive, tmp_path: Path) -> None:
    archive.settings = replace(archive.settings, max_associations=1)
    with Node(archive) as node:
        ae = AE(ae_title="CT1")
        ae.add_requested_context(CTImageStorage)
        first = ae.associate("127.0.0.1", node.port)
        assert first.is_established
        assert ae.associate("127.0.0.1", node.port).is_rejected
        (event,) = written(archive, 1)
        assert (event.outcome, event.detail) == ("refused", "too many associations")
        first.release()


def test_what_was_pushed_is_written_down_where_the_node_stops_first(archive: Archive) -> None:
    ae = AE(ae_title="CT1")
    ae.add_requested_context(CTImageStorage)
    with Node(archive) as node:
        association = ae.associate("127.0.0.1", node.port)
        assert association.send_c_store(dcmread(io.BytesIO(ct(1)))).Status == 0
        assert written(archive, 0) == []
    assert [(one.object, one.detail) for one in archive.audit.events()] == [("1.2.3.1", "1 by C-STORE")]


@pytest.mark.parametrize("level", ["STUDY", "NONSENSE"])
def test_a_retrieval_of_what_is_not_here(node: Node, archive: Archive, level: str) -> None:
    ae = AE(ae_title="WS1")
    ae.add_requested_context(Get)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = level, "1.2.3.99"
    list(association.send_c_get(asked, Get))
    association.release()
    (event,) = written(archive, 1)
    outcome, detail = {
        "STUDY": ("success", "C-GET, 0 instances; of all, 0 of 0 sent"),
        "NONSENSE": ("failed", "C-GET: BadQuery"),
    }[level]
    assert (event.action, event.who, event.outcome, event.detail) == ("download", "WS1", outcome, detail)


def test_a_question_that_cannot_be_read(node: Node, archive: Archive) -> None:
    ae = AE(ae_title="WS1")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.PatientName = "NONSENSE", "DOE^SECRET"
    list(association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind))
    association.release()
    (event,) = written(archive, 1)
    assert (event.action, event.outcome, event.detail) == ("query", "failed", "C-FIND: BadQuery")


def test_a_destination_that_nobody_knows(node: Node, archive: Archive) -> None:
    ae = AE(ae_title="WS1")
    ae.add_requested_context(Move)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", "1.2.3.1"
    list(association.send_c_move(asked, "NOWHERE", Move))
    association.release()
    (event,) = written(archive, 1)
    assert (event.outcome, event.detail) == ("refused", "C-MOVE to NOWHERE, which is no known peer")
