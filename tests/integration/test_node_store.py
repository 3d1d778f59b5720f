"""C-STORE, with the bytes on the wire as the reference."""

import hashlib
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from contracts.objects import SHIPPED, ct
from contracts.raw_peer import RawPeer, dataset_of
from medarchive.archive.archive import Archive
from medarchive.archive.ingest import Offer, Stored
from medarchive.dicom.part10 import skip_meta
from medarchive.dicom_node.node import Node
from medarchive.errors import NotFound
from medarchive.settings import Peer, Settings

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"


def stored_dataset(archive: Archive, uid: str) -> bytes:
    with archive.load(uid) as stream:
        skip_meta(stream)
        return stream.read()


def sent(node: Node, part10: bytes, **options: int) -> int:
    sop_class, instance, syntax, dataset = dataset_of(part10)
    with RawPeer(node.port, sop_class, syntax, **options) as peer:  # type: ignore[arg-type]
        assert peer.accepted
        return int(peer.store(sop_class, instance, dataset).Status)


@pytest.mark.parametrize("limit", [1, 7, 0], ids=lambda limit: f"pdv-{limit}")
def test_the_bytes_on_the_wire_are_what_is_kept(node: Node, archive: Archive, limit: int) -> None:
    data = ct(size=8)
    assert sent(node, data, limit=limit) == 0
    uid = "1.2.3.1.1.1"
    assert stored_dataset(archive, uid) == dataset_of(data)[3]
    list(archive.compress())
    assert archive.instance(uid).form == "split"
    assert hashlib.sha256(stored_dataset(archive, uid)).hexdigest() == archive.instance(uid).dataset_sha256
    assert stored_dataset(archive, uid) == dataset_of(data)[3]
    assert archive.instance(uid).source == "RAW"


SHIPPED_ONES = [
    *("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_jpeg_ls_lossless.dcm"),
    *(
        "JPEG2000.dcm",
        "JPEG-lossy.dcm",
        "rtdose.dcm",
        "rtplan.dcm",
        "image_dfl.dcm",
        "waveform_ecg.dcm",
        "liver_1frame.dcm",
    ),
    *("examples_rgb_color.dcm", "examples_ybr_color.dcm", "ExplVR_BigEnd.dcm", "liver_expb_1frame.dcm"),
]


@pytest.mark.parametrize("name", SHIPPED_ONES)
def test_pydicoms_objects_come_back_as_they_were_sent(node: Node, archive: Archive, name: str) -> None:
    file = next(file for file in SHIPPED.parent.rglob(name))
    sop_class, instance, syntax, dataset = dataset_of(file.read_bytes())
    with RawPeer(node.port, sop_class, syntax) as peer:
        assert peer.accepted
        assert peer.store(sop_class, instance, dataset).Status == 0
    assert stored_dataset(archive, instance) == dataset
    for result in archive.compress():
        assert result.error == ""
    assert stored_dataset(archive, instance) == dataset


def test_sent_twice_is_success_and_kept_once(node: Node, archive: Archive) -> None:
    assert [sent(node, ct()), sent(node, ct())] == [0, 0]
    assert archive.stats().instances == 1


def test_other_bytes_under_the_same_uid_are_refused_and_the_first_stays(node: Node, archive: Archive) -> None:
    assert sent(node, ct(1)) == 0
    assert sent(node, ct(1, PatientName="Other")) == 0x0111
    assert stored_dataset(archive, "1.2.3.1.1.1") == dataset_of(ct(1))[3]


def test_private_and_unknown_sop_classes_are_taken(node: Node, archive: Archive) -> None:
    for number, sop_class in enumerate(("1.2.840.113619.4.27", "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.99999")):
        data = ct(1, uid=f"1.5.{number}", SOPClassUID=sop_class)
        assert sent(node, data) == 0
        assert stored_dataset(archive, f"1.5.{number}") == dataset_of(data)[3]


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.31", "1.2.840.10008.1.20.2", "1.2.840.10008.5.1.1.9"])
def test_services_that_are_none_of_ours_are_not_taken(node: Node, sop_class: str) -> None:
    """Modality Worklist, Storage Commitment, Print."""
    with RawPeer(node.port, sop_class, ExplicitVRLittleEndian) as peer:
        assert not peer.accepted


def test_private_transfer_syntaxes_are_not_taken(node: Node) -> None:
    with RawPeer(node.port, CT_CLASS, "1.2.840.113619.5.2") as peer:
        assert not peer.accepted


def test_bad_objects_are_refused_and_the_association_lives_on(node: Node, archive: Archive) -> None:
    good = dataset_of(ct(1))[3]
    with RawPeer(node.port, CT_CLASS, ExplicitVRLittleEndian) as peer:
        answers = [
            peer.store(CT_CLASS, "1.2.3.1.1.1", b"this is no data set at all", 1),
            peer.store(CT_CLASS, "1.2.3.1.1.1", b"", 2),
            peer.store(CT_CLASS, "9.9.9", good, 3),
            peer.store("1.2.840.10008.5.1.4.1.1.4", "1.2.3.1.1.1", good, 4),
            peer.store(CT_CLASS, "1.2.3.1.1.1", good, 5),
        ]
    assert [f"{answer.Status:04X}" for answer in answers] == ["C000", "C000", "A900", "A900", "0000"]
    assert "announced" in answers[2].ErrorComment
    assert archive.stats().instances == 1


def test_an_object_over_the_limit_is_refused_in_bounded_memory(settings: Settings) -> None:
    with Archive.open(replace(settings, max_object_bytes=3 << 20)) as archive, Node(archive) as node:
        assert sent(node, ct(size=1400)) == 0xA700
        assert sent(node, ct(size=64)) == 0
        assert archive.stats().instances == 1
        assert list(archive.incoming().iterdir()) == []


def test_a_large_object_goes_through_a_file_of_the_archive(node: Node, archive: Archive) -> None:
    data = ct(size=1500)
    assert sent(node, data) == 0
    assert stored_dataset(archive, "1.2.3.1.1.1") == dataset_of(data)[3]
    assert list(archive.incoming().iterdir()) == []


def test_a_sender_that_vanishes_leaves_nothing(node: Node, archive: Archive) -> None:
    sop_class, _, syntax, _ = dataset_of(ct())
    peer = RawPeer(node.port, sop_class, syntax)
    peer._send(0x04, b"\0\0\0\x04\x01\x00half of something")
    peer._socket.close()
    assert sent(node, ct()) == 0
    assert archive.stats().instances == 1


def test_garbage_on_the_port_harms_nobody(node: Node, archive: Archive) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(200), b"\x01\x00\xff\xff\xff\xff" + bytes(100)):
        with socket.create_connection(("127.0.0.1", node.port)) as connection:
            connection.sendall(garbage)
    assert sent(node, ct()) == 0


def test_strangers_are_rejected(settings: Settings) -> None:
    known = replace(settings, any_peer=False, peers=(Peer("RAW", "127.0.0.1", 104),))
    with Archive.open(known) as archive, Node(archive) as node:
        assert sent(node, ct()) == 0
        with RawPeer(node.port, CT_CLASS, ExplicitVRLittleEndian, calling="STRANGER") as peer:
            assert peer.rejection == (1, 1, 3)
        with RawPeer(node.port, CT_CLASS, ExplicitVRLittleEndian, called="OTHER") as peer:
            assert peer.rejection == (1, 1, 7)
    with (
        Archive.open(replace(settings, any_peer=False)) as archive,
        Node(archive) as node,
        RawPeer(node.port, CT_CLASS, ExplicitVRLittleEndian) as peer,
    ):
        assert peer.rejection == (1, 1, 3), "no peers are known: nobody gets in"


def test_ten_associations_at_once(node: Node, archive: Archive) -> None:
    statuses: list[int] = []

    def push(which: int) -> None:
        sop_class, _, syntax, _ = dataset_of(ct())
        with RawPeer(node.port, sop_class, syntax) as peer:
            for number in range(1, 11):
                uid = f"1.8.{which}.{number}"
                data = ct(number, uid=uid, series=f"1.8.{which}")
                statuses.append(int(peer.store(sop_class, uid, dataset_of(data)[3], number).Status))

    threads = [threading.Thread(target=push, args=(which,)) for which in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 100
    assert archive.stats().instances == 100
    assert list(archive.check(read_data=True)) == []


def test_requests_that_come_while_others_are_kept_are_kept_together(
    node: Node, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    store_all, entered, go = archive.store_all, threading.Event(), threading.Event()

    def slow(offers: Sequence[Offer]) -> list[Stored | Exception]:
        sizes.append(len(offers))
        if len(sizes) == 9:
            entered.set()
            assert go.wait(10)
        return store_all(offers)

    monkeypatch.setattr(archive, "store_all", slow)
    sop_class, _, syntax, _ = dataset_of(ct())
    peers = [RawPeer(node.port, sop_class, syntax) for _ in range(8)]
    data = [[dataset_of(ct(n, uid=f"1.8.{which}.{n}", series=f"1.8.{which}"))[3] for n in (1, 2)] for which in range(8)]
    for which, peer in enumerate(peers):  # the first object of each; from then on the connection is lent
        assert peer.store(sop_class, f"1.8.{which}.1", data[which][0]).Status == 0
    for which, peer in enumerate(peers):
        for body in peer.request(sop_class, f"1.8.{which}.2", data[which][1]):
            peer._send(0x04, body)
        if which == 0:
            assert entered.wait(10)
    time.sleep(0.2)
    go.set()
    assert [int(peer._response().Status) for peer in peers] == [0] * 8
    assert sizes == [1] * 9 + [7]
    for peer in peers:
        with peer:
            pass
    assert archive.stats().instances == 16


def test_queries_and_large_objects_between_small_ones(node: Node, archive: Archive) -> None:
    """What is no small C-STORE is the association's own business, and then it goes on as before."""
    sop_class, _, syntax, _ = dataset_of(ct())
    with RawPeer(node.port, sop_class, syntax, limit=1 << 16) as peer:
        for number in range(1, 10):
            uid = f"1.9.{number}"
            data = ct(number, uid=uid, size=900 if number % 3 == 0 else 16)
            assert peer.store(sop_class, uid, dataset_of(data)[3], number).Status == 0
            assert stored_dataset(archive, uid) == dataset_of(data)[3]


def test_two_nodes_share_a_port(settings: Settings) -> None:
    with Archive.open(settings) as archive, Node(archive) as first:
        with Archive.open(settings) as other, Node(other, listener=first.listener):
            for number in range(1, 9):
                assert sent(first, ct(number)) == 0
        assert sent(first, ct(9)) == 0, "the first goes on when the second has stopped"
        assert archive.stats().instances == 9


def test_stopping_lets_a_request_under_way_end(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(archive)
    node.start()
    store_all, entered, go = archive.store_all, threading.Event(), threading.Event()

    def slow(offers: Sequence[Offer]) -> list[Stored | Exception]:
        entered.set()
        go.wait(10)
        return store_all(offers)

    monkeypatch.setattr(archive, "store_all", slow)
    statuses: list[int] = []
    sender = threading.Thread(target=lambda: statuses.append(sent(node, ct())))
    sender.start()
    entered.wait(10)
    stopper = threading.Thread(target=node.stop)
    stopper.start()
    stopper.join(0.5)
    assert stopper.is_alive(), "it waits for the request"
    go.set()
    sender.join(10)
    stopper.join(10)
    assert statuses == [0]
    with pytest.raises((NotFound, AssertionError)):
        assert node.port


def test_the_file_meta_says_where_an_object_came_from(node: Node, archive: Archive, tmp_path: Path) -> None:
    assert sent(node, ct()) == 0
    meta = pydicom.dcmread(archive.load("1.2.3.1.1.1")).file_meta
    assert meta.SourceApplicationEntityTitle == "RAW"
    assert meta.ImplementationVersionName == "MEDARCHIVE"
