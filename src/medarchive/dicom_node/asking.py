"""Asking: what pynetdicom's associations need where we are the side that asks.

pynetdicom's reactor may be on its way past the checkpoint, with ``_is_paused`` set for a moment, when somebody closes
it in order to send a request. It would then take a quick answer off the queue, and whoever asked would wait in vain.
"""

from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider

from medarchive.dicom_node.association import set_nodelay
from medarchive.dicom_node.states import States

__all__ = ["prepare"]


def prepare(association: Association) -> None:
    """Make a new association ready, at its EVT_CONN_OPEN."""
    set_nodelay(association)
    States.attach(association.dul)
    association.dimse.__class__ = _Dimse  # pynetdicom has no hook for the class; ours adds no state


class _Dimse(DIMSEServiceProvider):
    """Keeps messages for whoever has closed the reactor's checkpoint."""

    def get_msg(self, block: bool = False) -> Any:
        """See pynetdicom; the reactor asks without blocking."""
        if not block and not self.assoc._reactor_checkpoint.is_set():
            return None, None
        return super().get_msg(block=block)
