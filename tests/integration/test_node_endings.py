"""How associations end: released, aborted, both at once, or with a peer that is gone. Nobody else notices.

Where a thread dies of an exception, pytest fails the test (filterwarnings = error).
"""

import logging
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.pdu_primitives import A_ABORT, A_RELEASE, P_DATA

from contracts.objects import ct
from contracts.raw_peer import RawPeer, dataset_of
from medarchive.archive.archive import Archive
from medarchive.archive.ingest import Offer, Stored
from medarchive.dicom_node.association import _Handler
from medarchive.dicom_node.command import Request
from medarchive.dicom_node.node import Node
from medarchive.dicom_node.receiving import Provider
from medarchive.settings import Settings

SOP_CLASS, _, SYNTAX, DATASET = dataset_of(ct())
VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What was logged as an error, by us or by pynetdicom, so far."""
    found: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Collecting(logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


def only_association(node: Node) -> Any:
    (association,) = node._ae.active_associations
    return association


def gone(node: Node) -> bool:
    """Whether every association has ended, within a second."""
    deadline = time.monotonic() + 5
    while node._ae.active_associations and time.monotonic() < deadline:
        time.sleep(0.01)
    return not node._ae.active_associations


def still_serves(node: Node) -> bool:
    with RawPeer(node.port, SOP_CLASS, SYNTAX) as peer:
        return bool(peer.store(SOP_CLASS, "1.2.3.1.1.1", DATASET).Status == 0)


def crossing(association: Any, *primitives: Any) -> None:
    """Let our side say several things before the provider's thread looks."""
    association._sent_abort = any(isinstance(one, A_ABORT) for one in primitives)
    for one in primitives[:-1]:
        association.dul.to_provider_queue.put(one)
    association.dul.send_pdu(primitives[-1])


def abort() -> A_ABORT:
    primitive = A_ABORT()
    primitive.abort_source = 0
    return primitive


def release_answer() -> A_RELEASE:
    primitive = A_RELEASE()
    primitive.result = "affirmative"
    return primitive


def a_response() -> P_DATA:
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((1, b"\x03too late"))
    return primitive


@pytest.mark.parametrize("late", [release_answer, a_response, abort], ids=["release", "response", "abort"])
def test_what_comes_after_our_abort_ends_the_association_and_nothing_else(
    node: Node, errors: list[str], late: Any
) -> None:
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    crossing(only_association(node), abort(), late())
    assert peer._receive()[0] == 0x07, "the peer hears of the abort"
    assert peer._socket.recv(1) == b"", "and the connection is closed"
    assert gone(node)
    peer._socket.close()
    assert errors == []
    assert still_serves(node)


def test_an_abort_after_the_answer_to_a_release(node: Node, errors: list[str]) -> None:
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    association = only_association(node)
    association.acse.is_release_requested = lambda: False  # the test answers in its place
    peer._send(0x05, bytes(4))
    while association.dul.state_machine.current_state != "Sta8":
        time.sleep(0.005)
    crossing(association, release_answer(), abort())
    assert peer._receive()[0] == 0x06
    assert peer._socket.recv(1) == b""
    assert gone(node)
    peer._socket.close()
    assert errors == []
    assert still_serves(node)


def test_a_connection_that_was_taken_a_moment_before_the_node_stops(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, taken = _Handler._create_association, threading.Event()

    def slow(handler: _Handler) -> Any:
        taken.set()
        time.sleep(0.3)
        return make(handler)

    monkeypatch.setattr(_Handler, "_create_association", slow)
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as connection:
        assert taken.wait(5)
        node.stop()
        assert connection.recv(1) == b"", "it is closed, and nobody is left behind it"


def test_an_abort_before_the_peer_has_asked_for_an_association(node: Node, errors: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as connection:
        while not node._ae.active_associations:
            time.sleep(0.005)
        started = time.monotonic()
        node.stop()
        assert time.monotonic() - started < 3
        assert connection.recv(1) == b""
    assert errors == []


def test_an_event_out_of_place_is_logged_and_closes_the_connection(node: Node, errors: list[str]) -> None:
    """The answer to a release that nobody has asked for: a fault of ours, and the peer must not wait for ever."""
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    crossing(only_association(node), release_answer())
    assert peer._socket.recv(1) == b""
    assert gone(node)
    peer._socket.close()
    assert len(errors) == 1
    assert "Evt14 cannot be in state Sta6" in errors[0]
    assert still_serves(node)


def test_peers_that_release_while_the_node_stops(settings: Settings, errors: list[str]) -> None:
    for delay in (0, 0.001, 0.002, 0.004, 0.008, 0.02):
        with Archive.open(settings) as archive:
            node = Node(archive)
            node.start()
            peers = [RawPeer(node.port, SOP_CLASS, SYNTAX) for _ in range(8)]
            stopper = threading.Thread(target=node.stop)
            stopper.start()
            time.sleep(delay)
            for peer in peers:
                with peer:
                    pass
            stopper.join(10)
            assert not stopper.is_alive()
            assert node._ae.active_associations == []
    assert errors == []


def test_a_node_that_stops_lets_its_answers_go_out(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(archive)
    node.start()
    answer, entered = Provider.answer, threading.Event()

    def slow(provider: Provider, request: Request, status: int, comment: str) -> None:
        entered.set()
        time.sleep(0.5)
        answer(provider, request, status, comment)

    with RawPeer(node.port, SOP_CLASS, SYNTAX) as peer:
        assert peer.store(SOP_CLASS, "1.2.3.1.1.1", DATASET).Status == 0
        monkeypatch.setattr(Provider, "answer", slow)
        for body in peer.request(SOP_CLASS, "1.2.3.1.1.1", DATASET, 2):
            peer._send(0x04, body)
        assert entered.wait(10)
        node.stop()
        assert peer._response().Status == 0


@pytest.mark.parametrize("mid_pdu", [False, True], ids=["between-pdus", "in-a-pdu"])
def test_a_transfer_that_stands_still_is_broken_off(archive: Archive, errors: list[str], mid_pdu: bool) -> None:
    node = Node(archive)
    node.start()
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    command, data = peer.request(SOP_CLASS, "1.2.3.1.1.1", DATASET)[:2]
    peer._send(0x04, command)
    if mid_pdu:
        peer._socket.sendall(struct.pack(">BxI", 0x04, len(data)) + data[: len(data) // 2])
    while not node._busy._associations:
        time.sleep(0.005)
    started = time.monotonic()
    node.stop(timeout=0.3)
    assert time.monotonic() - started < 3
    assert node._ae.active_associations == []
    peer._socket.close()
    assert archive.stats().instances == 0
    assert list(archive.incoming().iterdir()) == []
    assert errors == []


def test_a_peer_that_says_nothing_more_is_given_up_after_the_timeout(settings: Settings) -> None:
    with Archive.open(replace(settings, network_timeout=1)) as archive, Node(archive) as node:
        peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
        peer._socket.sendall(b"\x04\x00\x00\x00\x10\x00 half of a PDU")
        assert gone(node)
        peer._socket.close()
        assert still_serves(node)


def test_a_sender_that_is_gone_before_the_answer(
    node: Node, archive: Archive, errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot know whether the object was stored; it sends it again, and that is a success."""
    store_all, entered, go = archive.store_all, threading.Event(), threading.Event()

    def slow(offers: Sequence[Offer]) -> list[Stored | Exception]:
        entered.set()
        go.wait(10)
        return store_all(offers)

    monkeypatch.setattr(archive, "store_all", slow)
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    for body in peer.request(SOP_CLASS, "1.2.3.1.1.1", DATASET):
        peer._send(0x04, body)
    assert entered.wait(10)
    peer._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer._socket.close()  # a reset
    go.set()
    assert gone(node)
    assert errors == []
    monkeypatch.undo()
    assert still_serves(node)
    assert archive.stats().instances == 1


def test_requests_in_many_pieces_one_behind_the_other(node: Node) -> None:
    """Pieces of a command that pynetdicom serves come to it together; each is one event, and so is each answer."""
    with RawPeer(node.port, VERIFICATION, ImplicitVRLittleEndian) as peer:
        command = bytes.fromhex(
            "0000000004000000380000000000020012000000312e322e3834302e31303030382e312e3100"
            "000000010200000030000000100102000000010000000008020000000101"
        )
        for _ in range(20):
            for at in range(0, len(command), 5):
                piece = command[at : at + 5]
                flags = 3 if at + 5 >= len(command) else 1
                peer._send(0x04, struct.pack(">IBB", len(piece) + 2, 1, flags) + piece)
        for _ in range(20):
            assert peer._response().Status == 0
