"""Receiving: C-STORE requests taken off the wire, PDU by PDU (PS3.8 9.3.5, PS3.7 9.3.1).

pynetdicom decodes and encodes every command with pydicom, passes each message through three queues, and looks at them
once a millisecond. That is fine for everything that a person asks and too slow for a modality that pushes. Here its
provider of the upper layer is given an eye for C-STORE: the connection is lent to the node's ``Reception``, which reads
such messages, stores and answers them; everything else goes pynetdicom's way, untouched.
"""

import contextlib
import logging
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from pynetdicom.dul import DULServiceProvider

from medarchive.dicom_node.command import COMMAND, LAST, Request
from medarchive.dicom_node.inbox import P_DATA, Inbox, Malformed
from medarchive.dicom_node.received import Received
from medarchive.dicom_node.reception import Arrived, Reception
from medarchive.dicom_node.states import States

__all__ = ["Provider"]

LOGGER = logging.getLogger(__name__)
_MOST_COMMAND = 1 << 16
_MOST_DATA_SET = 1 << 26
"""Bytes of what comes with a request that is no C-STORE; pynetdicom holds them in memory."""
_ESTABLISHED, _CLOSING = "Sta6", "Sta13"
_WAIT = 50
"""Milliseconds after which a sleeping provider looks at pynetdicom's timers."""


class Provider(DULServiceProvider):
    """pynetdicom's provider of the upper layer that serves C-STORE by itself and sleeps until there is something to do.

    ``attach`` turns one of pynetdicom's into ours.
    """

    _reception: Reception
    _connection: socket.socket
    _inbox: Inbox
    _wake: tuple[socket.socket, socket.socket]
    _poll: select.poll
    _held: bytearray
    _command: bytearray
    _request: Request | None
    _received: Received | None
    _arrived: list[Arrived]
    _kept: list[Arrived]
    _events: list[str]
    _pushing: bool
    _lent: bool

    @classmethod
    def attach(cls, association: Any, reception: Reception) -> None:
        """Make an association's provider, not started yet, one of these."""
        provider = association.dul
        provider.__class__ = cls  # pynetdicom has no hook for the class
        States.attach(provider)
        provider._reception = reception
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
        provider._arrived, provider._kept, provider._events = [], [], []
        provider._pushing = provider._lent = False

    def send_pdu(self, primitive: Any) -> None:
        """Queue a primitive, and wake the provider."""
        super().send_pdu(primitive)
        self._rouse()

    def send_together(self, primitives: Sequence[Any]) -> None:
        """Queue the fragments of a message so that nothing comes between them, not even the answer to a C-STORE.

        The provider takes nothing in while there is something to be sent.
        """
        with self.to_provider_queue.mutex:
            self.to_provider_queue.queue.extend(primitives)
        self._rouse()

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it is gone
            self._wake[1].send(b"\0")

    def run(self) -> None:
        """The provider's thread."""
        try:
            super().run()
        finally:
            self._reception.take_back(self)
            unfinished = [received for _, _, received in self._kept] + [self._received]
            for received in filter(None, unfinished):
                self._reception.store.drop(self.assoc, received)
            for end in (*self._wake, self._connection):
                end.close()
            self.to_user_queue.put(None)  # nothing follows: the association may be waiting for its request still

    def break_off(self) -> None:
        """Wait for the peer no longer, in the middle of whatever it is."""
        with contextlib.suppress(OSError):  # closed already
            self._connection.shutdown(socket.SHUT_RDWR)

    def _process_recv_primitive(self) -> bool:
        """One event at a time: what is to be sent makes one as often as it is looked at, until it is sent."""
        if not self.event_queue.empty() or self.to_provider_queue.empty():
            return False
        self._reception.take_back(self)
        return bool(super()._process_recv_primitive())

    def _is_transport_event(self) -> bool:
        """Take in what the peer sends; sleep until there is something or somebody here wants to send."""
        if self._lent:
            self._is_there(_WAIT)
            return False
        if not self.event_queue.empty():
            return False
        if self.state_machine.current_state == _CLOSING:
            self._close()
            return True
        if self._kept:
            self._finish(self._kept)
            self._kept = []
        heard = self._inbox.waiting or self._is_there(_WAIT)
        if heard:
            self._finish(self.take_in())
        self._tell()
        if self._pushing and self.event_queue.empty() and self.state_machine.current_state == _ESTABLISHED:
            self._lend()
        return heard

    def _finish(self, arrived: list[Arrived]) -> None:
        if arrived:
            self._reception.store.end(arrived, lambda number, *answer: self.answer(arrived[number][1], *answer))

    def _lend(self) -> None:
        self._lent, self._pushing = True, False
        self._poll.unregister(self._connection)
        self._reception.lend(self)

    def returned(self) -> None:
        """See Lender."""
        self._lent = False
        self._pushing = bool(self._kept)  # else something other than C-STORE has come, and will have answers
        self._poll.register(self._connection, select.POLLIN)
        self._tell()
        self._rouse()

    def fileno(self) -> int:
        """See Lender."""
        return self._connection.fileno()

    def take_in(self) -> list[Arrived]:
        """See Lender. Large objects are kept for this thread: they would keep others waiting."""
        self._idle_timer.restart()
        try:
            if not self._inbox.waiting:
                self._inbox.fill()
            while not self._events and (pdu := self._inbox.next()) is not None:
                self._serve(pdu)
        except BlockingIOError:
            pass  # nothing has come
        except Malformed:
            self._events.append("Evt19")
        except OSError:
            self._events.append("Evt17")
        except Exception:
            LOGGER.exception("the connection is closed")
            self._events.append("Evt19")
        arrived, self._arrived = self._arrived, []
        if self._lent and any(received.is_large for _, _, received in arrived):
            arrived, self._kept = [], arrived
        return arrived

    def answer(self, request: Request, status: int, comment: str) -> None:
        """See Lender. Whoever has no room for it has not taken the answers to thousands of requests."""
        response = request.response(status, comment)
        try:
            if self._connection.send(response, socket.MSG_DONTWAIT) < len(response):
                self._events.append("Evt17")
        except OSError:
            self._events.append("Evt17")

    def wants_it_back(self) -> bool:
        """See Lender."""
        return bool(self._events or self._kept)

    def _tell(self) -> None:
        """Let pynetdicom's state machine know what has happened on the connection, now that it is ours."""
        for event in self._events:
            self.event_queue.put(event)
        self._events.clear()

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
            if self._request is not None and self._received is not None and not flags & COMMAND and flags & LAST:
                self._arrived.append((self.assoc, self._request, self._received))
                self._request = self._received = None
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
        self._received = self._reception.store.begin(self.assoc, request)
        self._pushing = True
        return True

    def _forward(self, pdu: memoryview) -> None:
        """Hand PDUs to pynetdicom, as if it had read them."""
        message = self.assoc.dimse.message
        if message is not None and message.data_set.tell() > _MOST_DATA_SET:
            LOGGER.warning("a request of more than %d bytes; the association is aborted", _MOST_DATA_SET)
            self._events.append("Evt19")
            return
        whole = bytes(self._held) + pdu
        self._held.clear()
        self._command.clear()
        while whole:
            length = 6 + struct.unpack_from(">I", whole, 2)[0]
            one, whole = whole[:length], whole[length:]
            try:
                decoded, event = self._decode_pdu(bytearray(one))
            except Exception:  # noqa: BLE001  # whatever a malformed PDU does to the decoder
                self._events.append("Evt19")
                return
            self._events.append(event)
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
