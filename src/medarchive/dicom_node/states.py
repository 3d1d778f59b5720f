"""States: pynetdicom's state machine of the upper layer (PS3.8 9.2), where what comes too late ends no thread.

Whoever aborts does not wait for what is under way: our abort may cross the peer's release and our answer to it, or a
response that was about to go out. pynetdicom takes an event that the state has no transition for as a fault of its
own, and its thread dies with the connection open.
"""

import logging
from typing import Any

from pynetdicom import fsm

__all__ = ["States"]

LOGGER = logging.getLogger(__name__)
_CLOSING = "Sta13"
"""Waiting for the transport connection to close: an abort, or the answer to a release, has gone out (PS3.8 9.2.2)."""


class States(fsm.StateMachine):
    """A state machine that closes the connection where it has no transition."""

    @classmethod
    def attach(cls, provider: Any) -> None:
        """Make the state machine of one of pynetdicom's providers one of these."""
        provider.state_machine.__class__ = cls  # pynetdicom has no hook for the class; ours adds no state

    def do_action(self, event: str) -> None:
        """See pynetdicom."""
        if (event, self.current_state) in fsm.TRANSITION_TABLE:
            super().do_action(event)
            return
        if self.current_state != _CLOSING and not self.dul.assoc._sent_abort:
            LOGGER.error("%s cannot be in state %s; the connection is closed", event, self.current_state)
        self.transition(fsm.AA_2(self.dul))
