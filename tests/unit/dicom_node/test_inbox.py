"""PDUs out of a socket, however they come."""

import socket
import struct
from collections.abc import Iterator

import pytest

from medarchive.dicom_node.inbox import Inbox, Malformed


@pytest.fixture
def ends() -> Iterator[tuple[Inbox, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Inbox(ours), theirs


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def read_all(inbox: Inbox) -> list[bytes]:
    """Everything that is there, before the buffer is used again."""
    found = []
    while (one := inbox.next()) is not None:
        found.append(bytes(one))
    return found


@pytest.mark.parametrize("piece", [1, 5, 7, 1000])
def test_pieces_are_put_together(ends: tuple[Inbox, socket.socket], piece: int) -> None:
    inbox, theirs = ends
    sent = [pdu(4, b"one"), pdu(5, bytes(4)), pdu(4, bytes(range(256)) * 3)]
    stream, got = b"".join(sent), []
    for at in range(0, len(stream), piece):
        theirs.sendall(stream[at : at + piece])
        inbox.fill()
        got += read_all(inbox)
        assert not inbox.waiting
    assert got == sent


def test_larger_than_the_buffer(ends: tuple[Inbox, socket.socket]) -> None:
    inbox, theirs = ends
    one = pdu(4, bytes(range(251)) * 4000)
    got = []
    for at in range(0, len(one) * 2, 50_000):
        theirs.sendall((one * 2)[at : at + 50_000])
        inbox.fill()
        got += read_all(inbox)
    assert got == [one, one]


def test_what_is_announced_takes_no_memory(ends: tuple[Inbox, socket.socket]) -> None:
    inbox, theirs = ends
    theirs.sendall(struct.pack(">BxI", 4, 1 << 26) + b"a little")
    inbox.fill()
    assert inbox.next() is None
    assert len(inbox._buffer) <= 1 << 17


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1", b"\x04\0\xff\xff\xff\xff", b"\x01\0\0\x20\0\0", bytes(6)])
def test_no_pdu(ends: tuple[Inbox, socket.socket], head: bytes) -> None:
    inbox, theirs = ends
    theirs.sendall(head)
    inbox.fill()
    assert inbox.waiting
    with pytest.raises(Malformed):
        inbox.next()


def test_the_end(ends: tuple[Inbox, socket.socket]) -> None:
    inbox, theirs = ends
    theirs.close()
    with pytest.raises(ConnectionError):
        inbox.fill()
