"""Our errors as DIMSE statuses, in one place (PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4; PS3.7 10.1.4, C)."""

import logging

from pydicom.dataset import Dataset

from medarchive.errors import (
    ArchiveBusy,
    BadQuery,
    Conflict,
    LimitExceeded,
    MedarchiveError,
    Mismatch,
    MissingIdentity,
    NotDicom,
)

__all__ = [
    "CANCELLED",
    "IDENTIFIER_MISMATCH",
    "MOVE_DESTINATION_UNKNOWN",
    "PENDING",
    "SOME_FAILED",
    "SUBOPERATIONS_FAILED",
    "SUCCESS",
    "UNABLE",
    "Refused",
    "action_status",
    "find_status",
    "store_status",
]

LOGGER = logging.getLogger(__name__)

SUCCESS = 0x0000
PENDING = 0xFF00
CANCELLED = 0xFE00
SOME_FAILED = 0xB000
SUBOPERATIONS_FAILED = 0xA702
MOVE_DESTINATION_UNKNOWN = 0xA801
IDENTIFIER_MISMATCH = 0xA900
UNABLE = 0xC000

_STORE: tuple[tuple[type[BaseException], int], ...] = (
    (ArchiveBusy, 0xA700),  # Refused: Out of Resources
    (LimitExceeded, 0xA700),
    (Mismatch, 0xA900),  # Error: Data Set does not match SOP Class
    (MissingIdentity, 0xA900),
    (NotDicom, 0xC000),  # Error: Cannot understand
    (Conflict, 0x0111),  # Duplicate SOP Instance (PS3.7 C.5.4): the UID is taken by other bytes
)
_FIND: tuple[tuple[type[BaseException], int], ...] = (
    (BadQuery, IDENTIFIER_MISMATCH),
    (ArchiveBusy, 0xA700),
)
_ACTION: tuple[tuple[type[BaseException], int], ...] = ((ArchiveBusy, 0x0213),)  # Resource limitation (PS3.7 C.5.20)
_PROCESSING_FAILURE = 0x0110
_COMMENT = 64
"""Characters of an Error Comment (0000,0902), VR LO (PS3.7 E.2, PS3.5 6.2)."""


def store_status(error: BaseException) -> Dataset:
    """The C-STORE response for an error."""
    return _status(error, _STORE, "C-STORE")


def find_status(error: BaseException) -> Dataset:
    """The C-FIND, C-GET or C-MOVE response for an error."""
    return _status(error, _FIND, "query")


def action_status(error: BaseException) -> Dataset:
    """The N-ACTION response for an error (PS3.7 10.1.4.1.10)."""
    if isinstance(error, Refused):
        return _status(error, ((Refused, error.status),), "N-ACTION")
    return _status(error, _ACTION, "N-ACTION", _PROCESSING_FAILURE)


class Refused(Exception):
    """A request that cannot be served, with the DIMSE status that says why. Never leaves this package."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _status(
    error: BaseException, table: tuple[tuple[type[BaseException], int], ...], what: str, otherwise: int = UNABLE
) -> Dataset:
    answer = Dataset()
    answer.Status = next((code for kind, code in table if isinstance(error, kind)), otherwise)
    if isinstance(error, MedarchiveError | Refused):
        LOGGER.warning("%s refused with %04X: %s", what, answer.Status, error)
        comment = str(error)
    else:
        LOGGER.error("%s failed", what, exc_info=error)
        comment = f"internal error: {type(error).__name__}"
    answer.ErrorComment = comment.encode("ascii", "replace").decode("ascii").replace("\\", "/")[:_COMMENT]
    return answer
