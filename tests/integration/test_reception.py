"""The thread that takes in what all peers push: no peer and no fault makes the others wait."""

import os
import socket
import time
from collections.abc import Sequence

import pytest

from contracts.objects import ct
from contracts.raw_peer import RawPeer, dataset_of
from medarchive.archive.archive import Archive
from medarchive.archive.ingest import Offer, Stored
from medarchive.dicom_node.node import Node

SOP_CLASS, _, SYNTAX, DATASET = dataset_of(ct())
UID = "1.2.3.1.1.1"


def pushing(node: Node) -> RawPeer:
    """A peer whose connection is lent to the reception."""
    peer = RawPeer(node.port, SOP_CLASS, SYNTAX)
    peer.store(SOP_CLASS, UID, DATASET)
    deadline = time.monotonic() + 10
    while not node._reception._lent and time.monotonic() < deadline:
        time.sleep(0.01)
    return peer


def test_a_fault_closes_the_connection_and_the_others_are_served(
    node: Node, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_all = archive.store_all

    def faulty(offers: Sequence[Offer]) -> list[Stored | Exception]:
        monkeypatch.setattr(archive, "store_all", store_all)
        raise RuntimeError("a fault of ours")

    with pushing(node) as peer:
        monkeypatch.setattr(archive, "store_all", faulty)
        with pytest.raises((OSError, EOFError, AssertionError)):
            peer.store(SOP_CLASS, UID, DATASET, 2)
    with pushing(node) as other:
        assert other.store(SOP_CLASS, UID, DATASET, 3).Status == 0


def test_a_connection_that_has_nothing_after_all_holds_nobody_up(node: Node) -> None:
    with pushing(node) as peer:
        (lender,) = node._reception._lent.values()
        with node._reception._round:
            assert lender.take_in() == []
        assert not lender.wants_it_back()
        assert peer.store(SOP_CLASS, UID, DATASET, 2).Status == 0


def test_a_peer_that_takes_no_answers_is_left(node: Node) -> None:
    with pushing(node) as deaf, pushing(node) as other:
        deaf._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for number in node._reception._lent:
            with socket.socket(fileno=os.dup(number)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        bodies = deaf.request(SOP_CLASS, UID, DATASET, 2)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                for body in bodies:
                    deaf._send(0x04, body)
        except OSError:
            pass  # the node has closed it
        else:
            pytest.fail("the node goes on answering")
        assert other.store(SOP_CLASS, UID, DATASET, 3).Status == 0
