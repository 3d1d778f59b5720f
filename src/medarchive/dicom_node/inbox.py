"""Inbox: PDUs out of a socket, with one call for as many as have come (PS3.8 9.3.1)."""

import socket
import struct

__all__ = ["P_DATA", "Inbox", "Malformed"]

P_DATA = 0x04
_KINDS = range(0x01, 0x08)
_HEAD = struct.Struct(">BxI")
_MOST_P_DATA, _MOST_OTHER = 1 << 26, 1 << 20
_ROOM = 1 << 17
"""Bytes that are asked for at once: more than most peers send in one PDU."""


class Malformed(Exception):
    """What comes is no PDU, or one larger than anybody needs. Never leaves this package."""


class Inbox:
    """What has come from the peer and has not been read yet."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(_ROOM)
        self._begin = self._end = 0

    @property
    def waiting(self) -> bool:
        """Whether all of a PDU is there, or what is none."""
        try:
            size = self._size()
        except Malformed:
            return True
        return size is not None and self._end - self._begin >= size

    def next(self) -> memoryview | None:
        """The next PDU with its head, None until all of it is there. It lasts until ``fill`` is called.

        Raises:
            Malformed: it is none.
        """
        size = self._size()
        if size is None or self._end - self._begin < size:
            return None
        begin, self._begin = self._begin, self._begin + size
        return memoryview(self._buffer)[begin : self._begin]

    def fill(self) -> None:
        """Take in what has come.

        Raises:
            BlockingIOError: nothing has.
            OSError: the connection is closed, or was broken off.
        """
        have = self._end - self._begin
        if not have:
            self._begin = self._end = 0
        elif self._end == len(self._buffer) or self._begin > len(self._buffer) // 2:
            # Room grows with what has come, not with what was announced.
            larger = bytearray(min(max(2 * have, _ROOM), 6 + _MOST_P_DATA))
            larger[:have] = memoryview(self._buffer)[self._begin : self._end]
            self._buffer, self._begin, self._end = larger, 0, have
        with memoryview(self._buffer) as room:
            count = self._connection.recv_into(room[self._end :], 0, socket.MSG_DONTWAIT)
        if not count:
            raise ConnectionError("the peer closed the connection")
        self._end += count

    def throw_away(self) -> None:
        """Take in what has come, for nobody.

        Raises:
            OSError: as ``fill``.
        """
        self._begin = self._end
        self.fill()

    def _size(self) -> int | None:
        if self._end - self._begin < _HEAD.size:
            return None
        kind, length = _HEAD.unpack_from(self._buffer, self._begin)
        if kind not in _KINDS or length > (_MOST_P_DATA if kind == P_DATA else _MOST_OTHER):
            raise Malformed(f"a PDU of type {kind:02X} and {length} bytes")
        return _HEAD.size + int(length)
