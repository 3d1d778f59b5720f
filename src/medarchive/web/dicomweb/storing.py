"""Storing: what became of objects, as the Store Instances Response (PS3.18 10.5.3, PS3.3 C.12.1.1.17)."""

from collections.abc import Sequence
from typing import Any

from medarchive.errors import (
    ArchiveBusy,
    Conflict,
    CorruptStream,
    LimitExceeded,
    Mismatch,
    MissingIdentity,
    NotDicom,
    UnknownCodec,
)
from medarchive.web.intake.intake import NoRight, Outcome

__all__ = ["PROCESSING_FAILURE", "reason", "response", "status"]

PROCESSING_FAILURE = 0x0110
_REASONS: tuple[tuple[type[Exception], int], ...] = (
    (NoRight, 0x0124),  # Refused: not authorised (PS3.7 C.5.12)
    (ArchiveBusy, 0xA700),  # Refused: out of resources
    (LimitExceeded, 0xA700),
    (Mismatch, 0xA900),  # Error: data set does not match SOP Class
    (MissingIdentity, 0xA900),
    (NotDicom, 0xC000),  # Error: cannot understand
    (CorruptStream, 0xC000),
    (UnknownCodec, 0xC122),  # Referenced transfer syntax not supported
    (Conflict, 0x0111),  # Duplicate SOP Instance (PS3.7 C.5.4): the UID is taken by other bytes
)
Element = dict[str, Any]


def reason(error: Exception | None) -> int:
    """The Failure Reason (0008,1197)."""
    return next((code for kind, code in _REASONS if isinstance(error, kind)), PROCESSING_FAILURE)


def status(outcomes: Sequence[Outcome]) -> int:
    """The HTTP status: 200 all stored, 202 some, 409 none; 503 where it may help to try again."""
    refused = [outcome for outcome in outcomes if outcome.result == "refused"]
    if outcomes and not refused:
        return 200
    if len(refused) < len(outcomes):
        return 202
    return 503 if refused and all(isinstance(one.error, ArchiveBusy) for one in refused) else 409


def response(outcomes: Sequence[Outcome], root: str) -> Element:
    """The data set, as DICOM JSON (PS3.18 F.2).

    Args:
        outcomes: of all objects.
        root: the address of DICOMweb, without a / at its end.
    """
    stored = [one for one in outcomes if one.result != "refused"]
    failed = [one for one in outcomes if one.result == "refused"]
    named = [one for one in failed if one.uid]
    unnamed = [one for one in failed if not one.uid]
    studies = sorted({one.study for one in stored})
    answer: Element = {}
    if len(studies) == 1:
        answer["00081190"] = {"vr": "UR", "Value": [f"{root}/studies/{studies[0]}"]}
    if named:
        answer["00081198"] = {"vr": "SQ", "Value": [_failed(one) for one in named]}
    if stored:
        answer["00081199"] = {"vr": "SQ", "Value": [_stored(one, root) for one in stored]}
    if unnamed:
        answer["0008119A"] = {"vr": "SQ", "Value": [_failure(one) for one in unnamed]}
    return answer


def _reference(outcome: Outcome) -> Element:
    return {
        "00081150": {"vr": "UI", "Value": [outcome.sop_class]} if outcome.sop_class else {"vr": "UI"},
        "00081155": {"vr": "UI", "Value": [outcome.uid]},
    }


def _stored(outcome: Outcome, root: str) -> Element:
    """An item of the Referenced SOP Sequence; the archive keeps what came, so there is nothing to warn of."""
    where = f"{root}/studies/{outcome.study}/series/{outcome.series}/instances/{outcome.uid}"
    return {**_reference(outcome), "00081190": {"vr": "UR", "Value": [where]}}


def _failure(outcome: Outcome) -> Element:
    return {
        "00081197": {"vr": "US", "Value": [reason(outcome.error)]},
        "00000902": {"vr": "LO", "Value": [outcome.reason.replace("\\", "/")[:64]]},
    }


def _failed(outcome: Outcome) -> Element:
    return {**_reference(outcome), **_failure(outcome)}
