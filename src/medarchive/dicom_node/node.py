"""Node: the archive's face to modalities and workstations."""

import logging
import socket
import threading
from functools import partial
from typing import Self

import pydicom.config
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.events import Event

from medarchive.archive.archive import Archive
from medarchive.dicom_node.association import Busy, Server, set_nodelay
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.auditing import title as calling
from medarchive.dicom_node.commitment import act
from medarchive.dicom_node.find import handle_find
from medarchive.dicom_node.negotiation import ROOTS, accepted
from medarchive.dicom_node.reception import Reception
from medarchive.dicom_node.reporter import Reporter
from medarchive.dicom_node.retrieve import retrieve
from medarchive.dicom_node.store import Store
from medarchive.errors import SettingsError

__all__ = ["Node"]

LOGGER = logging.getLogger(__name__)
_PDU_BYTES = 1 << 17
"""The largest PDU that we take: a peer that fills it sends a CT slice in a handful."""
_REPORT = 5.0
"""Seconds that a report under way gets to finish; a peer that hangs shall not keep us."""
_CALLING_AE_UNKNOWN = (0x01, 0x01, 0x03)
"""Rejected permanent, by the service user, calling AE title not recognised (PS3.8 9.3.4)."""


class Node:
    """A DICOM application entity over an archive. Known peers only, unless the settings say otherwise."""

    def __init__(self, archive: Archive, *, listener: socket.socket | None = None) -> None:
        """Prepare, without opening a port yet.

        Args:
            archive: what it serves; its settings say host, port, AE title, peers and limits.
            listener: a listening socket that other processes may share; else the node opens its own.
        """
        self._archive = archive
        self._listener = listener
        self._ae = AE(ae_title=archive.settings.ae_title)
        self._ae.maximum_pdu_size = _PDU_BYTES
        self._ae.maximum_associations = archive.settings.max_associations
        self._ae.require_called_aet = not archive.settings.any_peer
        self._ae.network_timeout = archive.settings.network_timeout
        self._ae.dimse_timeout = self._ae.acse_timeout = archive.settings.network_timeout
        self._busy = Busy()
        self._auditor = Auditor(archive.audit)
        self._reception = Reception(Store(self._archive, self._busy, self._auditor))
        self._reporter = Reporter(archive, self._auditor)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def listener(self) -> socket.socket:
        """The socket that it listens on, for nodes in other processes."""
        assert self._server is not None, "the node is not started"
        return self._server.socket

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        assert self._server is not None, "the node is not started"
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, in threads of its own.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        # Old modalities break the rules for UIDs; their objects are stored all the same.
        _config.ENFORCE_UID_CONFORMANCE = False
        # What peers put into identifiers is judged by the query, not by warnings on standard error.
        pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
        settings = self._archive.settings
        handlers = [
            (evt.EVT_CONN_OPEN, lambda event: set_nodelay(event.assoc)),
            (evt.EVT_REQUESTED, self._admit),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_SOP_EXTENDED, _relational),
            (evt.EVT_C_ECHO, lambda _: 0x0000),
            (evt.EVT_CONN_CLOSE, lambda event: self._auditor.closed(event.assoc)),
            (evt.EVT_C_FIND, handle_find, [self._archive, self._auditor]),
        ]
        try:
            self._server = Server(
                self._ae,
                (settings.host, settings.port),
                settings.ae_title,
                [],
                evt_handlers=handlers,
                busy=self._busy,
                reception=self._reception,
                retrieve=partial(retrieve, self._archive, self._auditor),
                act=partial(act, self._archive, self._reporter.askers, self._auditor),
                listener=self._listener,
            )
        except OSError as error:
            raise SettingsError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
        self._reception.start()
        self._ae._servers.append(self._server)  # shutdown() takes it out again
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="medarchive-node", daemon=True
        )
        self._thread.start()
        self._reporter.start()
        LOGGER.info("%s listens on %s:%d", settings.ae_title, settings.host, self.port)

    def stop(self, timeout: float = 30.0) -> None:
        """Take no new association, let requests under way come to their end, then close the rest.

        Args:
            timeout: seconds after which requests under way are broken off.
        """
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._reporter.ask_to_stop()
        in_time = self._busy.wait(timeout)
        associations = self._server.active_associations
        for association in associations:
            association.abort(block=False)
        if not in_time:
            LOGGER.warning("requests still under way after %g seconds are broken off", timeout)
            for association in associations:
                association.dul.break_off()
        for association in associations:
            association.kill()
            association.join(timeout)
        self._reporter.stop(min(timeout, _REPORT))
        self._reception.stop()
        self._auditor.close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def _admit(self, event: Event) -> None:
        """Turn strangers away; for the others, see which of their proposals we take."""
        association = event.assoc
        primitive = association.requestor.primitive
        title = calling(association)
        if self._is_stranger(title):
            LOGGER.warning("rejected an association from %r at %s", title, association.requestor.address)
            association.acse.send_reject(*_CALLING_AE_UNKNOWN)
            evt.trigger(association, evt.EVT_REJECTED, {})
            association.kill()
            return
        association.acceptor.supported_contexts = accepted(primitive.presentation_context_definition_list)

    def _is_stranger(self, title: str) -> bool:
        settings = self._archive.settings
        return not settings.any_peer and title not in {peer.ae_title for peer in settings.peers}

    def _rejected(self, event: Event) -> None:
        """Have it recorded. Whoever rejected, pynetdicom or we, did not say why."""
        association = event.assoc
        called = str(association.requestor.primitive.called_ae_title).strip()
        if self._is_stranger(calling(association)):
            why = "calling AE title not recognised"
        elif self._ae.require_called_aet and called != self._ae.ae_title.strip():
            why = f"called AE title {called} not recognised"
        else:
            why = "too many associations"
        self._auditor.rejected(association, why)


def _relational(event: Event) -> dict[UID, bytes]:
    """Agree to relational queries and retrievals where they are asked for (PS3.4 C.5.1, first byte)."""
    return {uid: b"\x01" for uid, information in event.app_info.items() if uid in ROOTS and information[:1] == b"\x01"}
