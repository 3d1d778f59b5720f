"""Receiving: C-STORE requests taken off the wire, PDU by PDU (PS3.8 9.3.5, PS3.7 9.3.1).

pynetdicom decodes and encodes every command with pydicom, passes each message through three queues, and looks at them
once a millisecond. That is fine for everything that a person asks and too slow for a modality that pushes. Here its
provider of the upper layer is given an eye for C-STORE: such a message is read, stored and answered at once; everything
else goes pynetdicom's way, untouched.
"""

import contextlib
import io
import select
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pynetdicom.dul import DULServiceProvider

from medarchive.dicom_node.states import States
from medarchive.errors import LimitExceeded

__all__ = ["Provider", "Received", "Request", "Storing"]

_SPILL = 1 << 20
"""Bytes of a data set that stay in memory; a longer one goes to a file."""
_P_DATA = 0x04
_COMMAND, _LAST = 0x01, 0x02
_C_STORE_RQ = 0x0001
_NO_DATA_SET = 0x0101
_MOST_COMMAND = 1 << 16
_MOST_PDU = 1 << 26
_WAIT = 0.05
"""Seconds after which a sleeping provider looks at pynetdicom's timers."""


class Received(io.BytesIO):
    """An object on its way in, as a Part 10 file: in memory while it is small, then in a file without a name.

    Nothing raises here, in the middle of a transfer: trouble is kept until the object is asked for.
    """

    def __init__(self, meta: bytes, new_file: Callable[[], Path], most_bytes: int) -> None:
        super().__init__()
        self._new_file = new_file
        self._most = most_bytes
        self._file: BinaryIO | None = None
        self._trouble: Exception | None = None
        self._size = 0
        self.write(meta)

    def write(self, data: Any) -> int:
        """Take the next fragment."""
        self._size += len(data)
        if self._trouble is None:
            try:
                self._take(data)
            except OSError as error:
                self._trouble = error
        return len(data)

    def _take(self, data: bytes) -> None:
        if self._size > self._most:
            self._trouble = LimitExceeded(f"the object has more than max_object_bytes = {self._most} bytes")
        elif self._file is not None:
            self._file.write(data)
        elif self._size > _SPILL:
            path = self._new_file()
            self._file = path.open("x+b")
            path.unlink()  # the open file is all we need, and nothing is left behind whatever happens
            self._file.write(self.getbuffer())
            self._file.write(data)
        else:
            super().write(data)

    def part10(self) -> BinaryIO:
        """The whole object, from its start.

        Raises:
            LimitExceeded: it is too large.
            OSError: it could not be written.
        """
        if self._trouble is not None:
            raise self._trouble
        stream = self if self._file is None else self._file
        stream.seek(0)
        return stream

    def close(self) -> None:
        """Let the bytes go."""
        if self._file is not None:
            self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Request:
    """A C-STORE request's command set (PS3.7 9.3.1.1)."""

    context_id: int
    message_id: int
    sop_class: str
    sop_instance: str
    has_data_set: bool

    @classmethod
    def read(cls, context_id: int, command: bytes) -> "Request | None":
        """The request in an encoded command set, None where it is another message. Implicit VR LE (PS3.7 6.3.1)."""
        values: dict[int, bytes] = {}
        position = 0
        while position + 8 <= len(command):
            group, element, length = struct.unpack_from("<HHI", command, position)
            values[group << 16 | element] = command[position + 8 : position + 8 + length]
            position += 8 + length

        def number(tag: int) -> int:
            return int.from_bytes(values.get(tag, b"")[:2], "little")

        def uid(tag: int) -> str:
            return values.get(tag, b"").decode("latin-1").strip(" \0")

        if number(0x00000100) != _C_STORE_RQ:
            return None
        has_data_set = number(0x00000800) != _NO_DATA_SET
        return cls(context_id, number(0x00000110), uid(0x00000002), uid(0x00001000), has_data_set)

    def response(self, status: int, comment: str) -> bytes:
        """The PDU of the C-STORE response (PS3.7 9.3.1.2)."""
        body = b"".join(
            (
                _element(0x0002, _even(self.sop_class, "\0")),
                _element(0x0100, b"\x01\x80"),
                _element(0x0120, struct.pack("<H", self.message_id)),
                _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
                _element(0x0900, struct.pack("<H", status)),
                _element(0x0902, _even(comment, " ")) if comment else b"",
                _element(0x1000, _even(self.sop_instance, "\0")),
            )
        )
        command = _element(0x0000, struct.pack("<I", len(body))) + body
        value = struct.pack(">IBB", len(command) + 2, self.context_id, _COMMAND | _LAST) + command
        return struct.pack(">BxI", _P_DATA, len(value)) + value


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _even(text: str, padding: str) -> bytes:
    data = text.encode("latin-1", "replace")
    return data + padding.encode() * (len(data) % 2)


class Storing(Protocol):
    """What the provider needs of the node."""

    def begin(self, association: Any, request: Request) -> Received:
        """A place for the object that is about to come."""
        ...

    def end(self, association: Any, request: Request, received: Received) -> tuple[int, str]:
        """Store it; DIMSE status and error comment."""
        ...

    def drop(self, association: Any, received: Received) -> None:
        """It will not come to its end."""
        ...


class Provider(DULServiceProvider):
    """pynetdicom's provider of the upper layer that serves C-STORE by itself and sleeps until there is something to do.

    ``attach`` turns one of pynetdicom's into ours.
    """

    node: Storing
    _connection: socket.socket
    _wake: tuple[socket.socket, socket.socket]
    _held: bytearray
    _command: bytearray
    _request: Request | None
    _received: Received | None

    @classmethod
    def attach(cls, association: Any, node: Storing) -> None:
        """Make an association's provider, not started yet, one of these."""
        provider = association.dul
        provider.__class__ = cls  # pynetdicom has no hook for the class
        States.attach(provider)
        provider.node = node
        provider._connection = provider.socket.socket
        _limit_waiting(provider._connection, association.network_timeout)
        provider._wake = socket.socketpair()
        for end in provider._wake:
            end.setblocking(False)
        provider._held = bytearray()
        provider._command = bytearray()
        provider._request = provider._received = None

    def send_pdu(self, primitive: Any) -> None:
        """Queue a primitive, and wake the provider."""
        super().send_pdu(primitive)
        with contextlib.suppress(OSError):  # full: it is awake; closed: it is gone
            self._wake[1].send(b"\0")

    def run(self) -> None:
        """The provider's thread."""
        try:
            super().run()
        finally:
            if self._received is not None:
                self.node.drop(self.assoc, self._received)
            for end in (*self._wake, self._connection):
                end.close()
            self.to_user_queue.put(None)  # nothing follows: the association may be waiting for its request still

    def break_off(self) -> None:
        """Wait for the peer no longer, in the middle of whatever it is."""
        with contextlib.suppress(OSError):  # closed already
            self._connection.shutdown(socket.SHUT_RDWR)

    def _process_recv_primitive(self) -> bool:
        """One event at a time: what is to be sent makes one as often as it is looked at, until it is sent."""
        return self.event_queue.empty() and bool(super()._process_recv_primitive())

    def _is_transport_event(self) -> bool:
        """Sleep until the peer sends or somebody here wants to send; then as pynetdicom does."""
        if not self.event_queue.empty():
            return False
        transport = self.socket
        if self.state_machine.current_state == "Sta6" and transport is not None and transport.socket is not None:
            try:
                ready, _, _ = select.select([transport.socket, self._wake[0]], [], [], _WAIT)
            except (OSError, ValueError):  # closed meanwhile
                return bool(super()._is_transport_event())
            if self._wake[0] in ready:
                self._wake[0].recv(4096)
            if transport.socket not in ready:
                return False
        return bool(super()._is_transport_event())

    def _read_pdu_data(self) -> None:
        """Read PDUs: C-STORE here, and on as long as more of it follows; anything else as pynetdicom does."""
        if self.state_machine.current_state != "Sta6" or not self.assoc.is_acceptor:
            super()._read_pdu_data()
            return
        connection = self.socket.socket
        while True:
            try:
                head = _exactly(connection, 6)
                kind, length = struct.unpack(">BxI", head)
                if length > _MOST_PDU:
                    self.event_queue.put("Evt19")
                    return
                body = _exactly(connection, length)
                if kind != _P_DATA or not self._taken(head, body, connection):
                    self._forward(head + body)
                    return
            except OSError:
                self.event_queue.put("Evt17")
                return
            self._idle_timer.restart()
            if not self._more(connection):
                return

    def _more(self, connection: socket.socket) -> bool:
        """Whether the next PDU comes while nobody here wants to send; a modality that pushes sends it at once."""
        if not self.to_provider_queue.empty() or self._kill_thread:
            return False
        ready, _, _ = select.select([connection, self._wake[0]], [], [], _WAIT)
        return connection in ready and self._wake[0] not in ready

    def _taken(self, head: bytes, body: bytes, connection: socket.socket) -> bool:
        """Take a P-DATA PDU that belongs to a C-STORE request; False where it belongs to something else."""
        if self.assoc.dimse.message is not None:
            return False  # in the middle of a message of pynetdicom's
        for context_id, flags, value in _values(body):
            if not self._take(context_id, flags, value):
                return False
            if self._received is not None and not flags & _COMMAND and flags & _LAST:
                self._finish(connection)
        if self._request is None and self._command:
            self._held += head + body  # half a command: whose it is will be seen
        return True

    def _take(self, context_id: int, flags: int, value: memoryview) -> bool:
        """Take one fragment of a command or, within a request, of its data set (PS3.8 E.2)."""
        if self._request is not None and self._received is not None:
            if flags & _COMMAND or context_id != self._request.context_id:
                return False
            self._received.write(value)
            return True
        self._command += value
        if not flags & _COMMAND or len(self._command) > _MOST_COMMAND:
            return False
        return self._begun(context_id) if flags & _LAST else True

    def _begun(self, context_id: int) -> bool:
        """See what the complete command asks for; True where it is ours."""
        request = Request.read(context_id, bytes(self._command))
        if request is None or not request.has_data_set or context_id not in self.assoc._accepted_cx:
            return False
        self._command.clear()
        self._held.clear()
        self._request = request
        self._received = self.node.begin(self.assoc, request)
        return True

    def _finish(self, connection: socket.socket) -> None:
        request, received = self._request, self._received
        assert request is not None
        assert received is not None
        self._request = self._received = None
        status, comment = self.node.end(self.assoc, request, received)
        connection.sendall(request.response(status, comment))

    def _forward(self, pdu: bytes) -> None:
        """Hand PDUs to pynetdicom, as if it had read them."""
        whole = bytes(self._held) + pdu
        self._held.clear()
        self._command.clear()
        while whole:
            length = 6 + struct.unpack_from(">I", whole, 2)[0]
            one, whole = whole[:length], whole[length:]
            try:
                decoded, event = self._decode_pdu(bytearray(one))
            except Exception:  # noqa: BLE001  # whatever a malformed PDU does to the decoder
                self.event_queue.put("Evt19")
                return
            self.event_queue.put(event)
            self._recv_pdu.put(decoded)


def _values(body: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """The presentation data values of a P-DATA PDU: context, control header, fragment; a broken one has flags 0."""
    position = 0
    while position + 6 <= len(body):
        length, context_id, flags = struct.unpack_from(">IBB", body, position)
        if length < 2 or position + 4 + length > len(body):
            yield 0, 0, memoryview(b"")
            return
        yield context_id, flags, memoryview(body)[position + 6 : position + 4 + length]
        position += 4 + length


def _limit_waiting(connection: socket.socket, seconds: float) -> None:
    """Let the kernel end a call that waits for the peer for so long; Python's own timeouts cost a call each time."""
    whole = int(seconds)
    value = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, value)


def _exactly(connection: socket.socket, length: int) -> bytes:
    """So many bytes.

    Raises:
        OSError: the connection was closed or timed out before.
    """
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise ConnectionError("closed in the middle of a PDU")
        view = view[count:]
    return bytes(data)
