"""Our side of an association: pynetdicom's, with streams, retrievals, actions and notices of our own."""

import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_GET, C_MOVE, N_ACTION
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from medarchive.dicom_node.notices import Notices
from medarchive.dicom_node.receiving import Provider
from medarchive.dicom_node.reception import Reception

__all__ = ["Busy", "NodeAssociation", "Server", "set_nodelay"]

_STEP, _MOST_STEPS = 0.001, 20
"""Seconds that a process leaves a connection to others for each association that it serves, and how often at most."""
_LOOK = 0.25
"""Seconds after which an idle association looks at pynetdicom's timers."""


class Busy:
    """Which associations have a request under way."""

    def __init__(self) -> None:
        self._associations: set[int] = set()
        self._idle = threading.Condition()

    def enter(self, association: Any) -> None:
        """A request begins."""
        with self._idle:
            self._associations.add(id(association))

    def leave(self, association: Any) -> None:
        """A request has come to its end."""
        with self._idle:
            self._associations.discard(id(association))
            self._idle.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until there is none; False where there still is one after so many seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._associations, timeout)


class _Indications(queue.Queue[Any]):
    """What the upper layer tells the association, releases and aborts; wakes whoever waits for messages."""

    def __init__(self, messages: "queue.Queue[Any]") -> None:
        super().__init__()
        self._messages = messages

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """See queue.Queue."""
        super().put(item, block, timeout)
        self._messages.put((None, None))


class _Messages(queue.Queue[Any]):
    """What the peer says; its answers to notices go to those who wait for them."""

    def __init__(self, notices: Notices) -> None:
        super().__init__()
        self._notices = notices

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """See queue.Queue."""
        if not self._notices.answered(item[1]):
            super().put(item, block, timeout)


class _Dimse(DIMSEServiceProvider):
    """Waits for messages instead of asking for them a thousand times a second, and sends notices meanwhile."""

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self.notices = Notices()
        self.msg_queue = _Messages(self.notices)

    def get_msg(self, block: bool = False) -> Any:
        """See pynetdicom; who asks without blocking has no request under way."""
        if block:
            return super().get_msg(block=True)
        self.notices.send_on(self.assoc)
        try:
            return self.msg_queue.get(timeout=_LOOK)
        except queue.Empty:
            return None, None


class NodeAssociation(Association):
    """An accepted association."""

    @property
    def notices(self) -> Notices:
        """What we have to say to the peer without being asked."""
        dimse: _Dimse = self.dimse
        return dimse.notices

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """C-GET, C-MOVE and N-ACTION are ours; the rest goes pynetdicom's way."""
        server: Server = self._server
        context = self._accepted_cx.get(context_id)
        server.busy.enter(self)
        try:
            if isinstance(msg, N_ACTION) and msg.MessageID is not None and context is not None:
                server.act(self, msg, context)
                return
            if not isinstance(msg, C_GET | C_MOVE) or not msg.is_valid_request or context is None:
                super()._serve_request(msg, context_id)
                return
            self.dimse.cancel_req = {}
            self._is_paused = True  # the reactor shall not take the responses to our own requests
            server.retrieve(self, msg, context)
            self._is_paused = False
            self.dimse.cancel_req = {}
        finally:
            server.busy.leave(self)


class _Handler(RequestHandler):
    """Makes our kind of association."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.__class__ = NodeAssociation  # pynetdicom has no hook for the class; ours adds no state
        association.dimse = _Dimse(association)
        association.dul.to_user_queue = _Indications(association.dimse.msg_queue)
        Provider.attach(association, self.server.reception)
        set_nodelay(association)
        return association


class Server(ThreadedAssociationServer):
    """Listens; holds what associations share."""

    request_queue_size = 128

    def __init__(
        self,
        *arguments: Any,
        busy: Busy,
        reception: Reception,
        retrieve: Callable[[NodeAssociation, Any, Any], None],
        act: Callable[[NodeAssociation, Any, Any], None],
        listener: socket.socket | None = None,
        **options: Any,
    ) -> None:
        self.socket: socket.socket
        self.busy = busy
        self.reception = reception
        self.retrieve = retrieve
        self.act = act
        self._listener = listener
        super().__init__(*arguments, request_handler=_Handler, **options)

    def server_bind(self) -> None:
        """Listen on a socket that other processes may share, or on one of our own."""
        if self._listener is None:
            super().server_bind()
        else:
            self.socket.close()
            self.socket = self._listener.dup()
            self.server_address = self.socket.getsockname()
        self.socket.setblocking(False)  # another process may take the connection that woke us

    def get_request(self) -> Any:
        """Accept a connection, the later the more we serve: a process that serves fewer shall take it."""
        time.sleep(min(len(self.active_associations) * _STEP, _MOST_STEPS * _STEP))
        return super().get_request()

    def server_close(self) -> None:
        """Stop listening, and wait until each connection that was taken has its association, which runs.

        Other processes that share the socket go on.
        """
        self.socket.close()
        self._threads.join()


def set_nodelay(association: Association) -> None:
    """Send small PDUs at once. Without it every message waits for the peer's delayed acknowledgement."""
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
