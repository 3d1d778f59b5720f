"""Asking: what pynetdicom's associations need where we are the side that asks.

pynetdicom's reactor may be on its way past the checkpoint, with ``_is_paused`` set for a moment, when somebody closes
it in order to send a request. It would then take a quick answer off the queue, and whoever asked would wait in vain.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from medarchive.dicom_node.association import set_nodelay
from medarchive.dicom_node.states import States
from medarchive.settings import Peer, Settings

__all__ = ["associated", "prepare"]

_CONNECT = 15.0
"""Seconds in which a peer that is there takes a connection."""
_ENDING = 2.0
"""Seconds in which a thread of pynetdicom that was told to end does so."""


def prepare(association: Association) -> None:
    """Make a new association ready, at its EVT_CONN_OPEN."""
    set_nodelay(association)
    States.attach(association.dul)
    association.dimse.__class__ = _Dimse  # pynetdicom has no hook for the class; ours adds no state


@contextmanager
def associated(
    settings: Settings,
    peer: Peer,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Iterator[Association | None]:
    """An association with a peer whose reactor stands aside; None where there is none."""
    ae = AE(ae_title=settings.ae_title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = settings.network_timeout
    ae.connection_timeout = min(settings.network_timeout, _CONNECT)
    opened = [(evt.EVT_CONN_OPEN, lambda event: prepare(event.assoc))]
    association = ae.associate(
        *(peer.host, peer.port),
        contexts=list(contexts),
        ae_title=peer.ae_title,
        ext_neg=list(roles),
        evt_handlers=opened,
    )
    if not association.is_established:
        _close(association)
        yield None
        return
    # The reactor would take the responses off the queue: it waits at its checkpoint until we are done.
    association._reactor_checkpoint.clear()
    while not association._is_paused and association.is_established:
        time.sleep(0.0005)
    try:
        yield association
    finally:
        association._reactor_checkpoint.set()
        if association.is_established:
            association.release()


def _close(association: Association) -> None:
    """Close the connection of an association that did not come about: pynetdicom leaves some to be collected."""
    if association.dul.is_alive():
        association.dul.join(_ENDING)
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.close()


class _Dimse(DIMSEServiceProvider):
    """Keeps messages for whoever has closed the reactor's checkpoint."""

    def get_msg(self, block: bool = False) -> Any:
        """See pynetdicom; the reactor asks without blocking."""
        if not block and not self.assoc._reactor_checkpoint.is_set():
            return None, None
        return super().get_msg(block=block)
