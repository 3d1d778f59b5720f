"""Receiving: C-STORE requests taken off the wire, PDU by PDU (PS3.8 9.3.5, PS3.7 9.3.1).

pynetdicom decodes and encodes every command with pydicom, passes each message through three queues, and looks at them
once a millisecond. That is fine for everything that a person asks and too slow for a modality that pushes. Here its
provider of the upper layer is given an eye for C-STORE: such a message is read, stored and answered at once; everything
else goes pynetdicom's way, untouched.
"""

import contextlib
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any, Protocol

from pynetdicom.dul import DULServiceProvider

from medarchive.dicom_node.command import COMMAND, LAST, Request
from medarchive.dicom_node.inbox import P_DATA, Inbox, Malformed
from medarchive.dicom_node.received import Received
from medarchive.dicom_node.states import States

__all__ = ["Provider", "Storing"]

_MOST_COMMAND = 1 << 16
_ESTABLISHED, _CLOSING = "Sta6", "Sta13"
_WAIT = 50
"""Milliseconds after which a sleeping provider looks at pynetdicom's timers."""


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
    _inbox: Inbox
    _wake: tuple[socket.socket, socket.socket]
    _poll: select.poll
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
        _limit_sending(provider._connection, association.network_timeout)
        provider._inbox = Inbox(provider._connection)
        provider._wake = socket.socketpair()
        for end in provider._wake:
            end.setblocking(False)
        provider._poll = select.poll()
        for source in (provider._connection, provider._wake[0]):
            provider._poll.register(source, select.POLLIN)
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
        """Take in what the peer sends, for as long as that is C-STORE alone and nobody here wants to send.

        Where there is nothing, sleep; a modality that pushes sends its next request when it has its answer.
        """
        if self.state_machine.current_state == _CLOSING:
            self._close()
            return True
        heard = False
        while self.event_queue.empty() and self.to_provider_queue.empty() and not self._kill_thread:
            try:
                pdu = self._inbox.next()
                if pdu is not None:
                    self._serve(pdu)
                elif self._is_there(_WAIT):
                    self._inbox.fill()
                    self._idle_timer.restart()
                    heard = True
                else:
                    break
            except Malformed:
                self.event_queue.put("Evt19")
            except OSError:
                self.event_queue.put("Evt17")
        return heard

    def _close(self) -> None:
        """Close the connection when nothing comes any more; before, the peer could lose what we sent last."""
        try:
            if self._is_there(0):
                self._inbox.throw_away()
            else:
                self.socket.close()
        except OSError:
            self.event_queue.put("Evt17")

    def _is_there(self, wait: int) -> bool:
        """Whether the peer has sent something, at the latest when somebody here wants to send or after the wait."""
        ready = [descriptor for descriptor, _ in self._poll.poll(wait)]
        if self._wake[0].fileno() in ready:
            self._wake[0].recv(4096)
        return self._connection.fileno() in ready

    def _serve(self, pdu: memoryview) -> None:
        if pdu[0] != P_DATA or self.state_machine.current_state != _ESTABLISHED or not self._taken(pdu):
            self._forward(pdu)

    def _taken(self, pdu: memoryview) -> bool:
        """Take a P-DATA PDU that belongs to a C-STORE request; False where it belongs to something else."""
        if self.assoc.dimse.message is not None:
            return False  # in the middle of a message of pynetdicom's
        for context_id, flags, value in _values(pdu[6:]):
            if not self._take(context_id, flags, value):
                return False
            if self._received is not None and not flags & COMMAND and flags & LAST:
                self._finish()
        if self._request is None and self._command:
            self._held += pdu  # half a command: whose it is will be seen
        return True

    def _take(self, context_id: int, flags: int, value: memoryview) -> bool:
        """Take one fragment of a command or, within a request, of its data set (PS3.8 E.2)."""
        if self._request is not None and self._received is not None:
            if flags & COMMAND or context_id != self._request.context_id:
                return False
            self._received.write(value)
            return True
        self._command += value
        if not flags & COMMAND or len(self._command) > _MOST_COMMAND:
            return False
        return self._begun(context_id) if flags & LAST else True

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

    def _finish(self) -> None:
        request, received = self._request, self._received
        assert request is not None
        assert received is not None
        self._request = self._received = None
        status, comment = self.node.end(self.assoc, request, received)
        self._connection.sendall(request.response(status, comment))

    def _forward(self, pdu: memoryview) -> None:
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


def _values(body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """The presentation data values of a P-DATA PDU: context, control header, fragment; a broken one has flags 0."""
    position = 0
    while position + 6 <= len(body):
        length, context_id, flags = struct.unpack_from(">IBB", body, position)
        if length < 2 or position + 4 + length > len(body):
            yield 0, 0, body[:0]
            return
        yield context_id, flags, body[position + 6 : position + 4 + length]
        position += 4 + length


def _limit_sending(connection: socket.socket, seconds: float) -> None:
    """Let the kernel end a call that waits for the peer for so long; Python's own timeouts cost a call each time."""
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
