"""Our side of an association: pynetdicom's, with data sets that stream and retrievals of our own.

pynetdicom collects a received data set in memory, or in a file in the system's temporary folder; C-GET and C-MOVE write
every object anew. Neither is good for an archive. Both are replaced here by subclassing.
"""

import io
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from medarchive.dicom.part10 import file_meta
from medarchive.errors import LimitExceeded

__all__ = ["NodeAssociation", "Received", "Server", "set_nodelay"]

_SPILL = 1 << 20
"""Bytes of a data set that stay in memory; a longer one goes to a file."""


class Received(io.BytesIO):
    """A data set on its way in, as a Part 10 file: in memory while it is small, then in a file of ``folder``.

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


class _Dimse(DIMSEServiceProvider):
    """Puts a ``Received`` under every C-STORE request as soon as its command set is complete."""

    def receive_primitive(self, primitive: P_DATA) -> None:
        """See pynetdicom; fragment by fragment, since one PDU may carry command and data set."""
        for value in primitive.presentation_data_value_list:
            one = P_DATA()
            one.presentation_data_value_list.append(value)
            super().receive_primitive(one)
            message = self.message
            if isinstance(message, C_STORE_RQ) and not isinstance(message.data_set, Received):
                message.data_set = self._incoming(message)

    def _incoming(self, message: C_STORE_RQ) -> Received:
        server: Server = self.assoc._server
        context = self.assoc._accepted_cx.get(message.context_id)
        command = message.command_set
        meta = file_meta(
            str(command.get("AffectedSOPClassUID", "")),
            str(command.get("AffectedSOPInstanceUID", "")),
            str(context.transfer_syntax[0]) if context else "",
            str(self.assoc.requestor.ae_title).strip(),
        )
        return Received(meta, server.new_file, server.most_bytes)


class NodeAssociation(Association):
    """An accepted association that knows whether it is at work."""

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Route what pynetdicom does not serve as we want it; the rest goes its way."""
        server: Server = self._server
        server.busy.add(self)
        try:
            context = self._accepted_cx.get(context_id)
            ours = isinstance(msg, C_STORE | C_GET | C_MOVE) and msg.is_valid_request and context is not None
            if not ours:
                super()._serve_request(msg, context_id)
                return
            self.dimse.cancel_req = {}
            self._is_paused = True  # as pynetdicom does: the reactor shall not take the responses to our own requests
            if isinstance(msg, C_STORE):
                StorageServiceClass(self).SCP(msg, context)  # whatever the SOP Class: private ones too
            else:
                server.retrieve(self, msg, context)
            self._is_paused = False
            self.dimse.cancel_req = {}
        finally:
            server.busy.discard(self)
            with server.idle:
                server.idle.notify_all()


class _Handler(RequestHandler):
    """Makes our kind of association."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.__class__ = NodeAssociation  # pynetdicom has no hook for the class; ours adds no state
        association.dimse = _Dimse(association)
        set_nodelay(association)
        return association


class Server(ThreadedAssociationServer):
    """Listens; holds what associations share."""

    def __init__(
        self,
        *arguments: Any,
        new_file: Callable[[], Path],
        most_bytes: int,
        retrieve: Callable[[NodeAssociation, Any, Any], None],
        share_port: bool = False,
        **options: Any,
    ) -> None:
        self.new_file = new_file
        self.most_bytes = most_bytes
        self.retrieve = retrieve
        self.busy: set[NodeAssociation] = set()
        self.idle = threading.Condition()
        self._share_port = share_port
        super().__init__(*arguments, request_handler=_Handler, **options)
        self.request_queue_size = 128

    def server_bind(self) -> None:
        """Several node processes may listen on one port; the kernel spreads the connections."""
        if self._share_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


def set_nodelay(association: Association) -> None:
    """Send small PDUs at once. Without it every message waits for the peer's delayed acknowledgement."""
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
