"""Storage Commitment, Push Model: N-ACTION in, and what is said in the N-EVENT-REPORT (PS3.4 J.3)."""

import io
import logging
import threading
from collections.abc import Sequence
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.dsutils import decode, encode
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from medarchive.archive.archive import Archive
from medarchive.archive.commitments import Commitment, Item, Reference
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.status import SUCCESS, Refused, action_status

__all__ = ["Askers", "act", "notification"]

LOGGER = logging.getLogger(__name__)
_REQUEST = 1
"""Action Type ID: Request Storage Commitment (Table J.3-1)."""
_COMPLETE, _FAILURES_EXIST = 1, 2
"""Event Type IDs (Table J.3-2)."""
_MOST_BYTES, _MOST_INSTANCES = 1 << 24, 50_000
_NO_SUCH_INSTANCE, _INVALID_VALUE, _NO_SUCH_CLASS, _NO_SUCH_ACTION = 0x0112, 0x0115, 0x0118, 0x0123
_RESOURCE_LIMITATION = 0x0213
_UID_LENGTH = 64


class Askers:
    """On which associations of this process commitments were asked for."""

    def __init__(self) -> None:
        self._associations: dict[int, tuple[Any, PresentationContext]] = {}
        self._lock = threading.Lock()

    def add(self, commitment: int, association: Any, context: PresentationContext) -> None:
        """A commitment was asked for on an association, over one of its contexts."""
        with self._lock:
            self._associations[commitment] = (association, context)

    def open(self) -> list[int]:
        """The commitments whose association is still open."""
        with self._lock:
            gone = [number for number, (each, _) in self._associations.items() if not each.is_established]
            for number in gone:
                del self._associations[number]
            return list(self._associations)

    def take(self, commitment: int) -> tuple[Any, PresentationContext] | None:
        """The association of a commitment, where it is still open; only once."""
        with self._lock:
            found = self._associations.pop(commitment, None)
        return found if found is not None and found[0].is_established else None


def act(
    archive: Archive, askers: Askers, auditor: Auditor, assoc: Any, request: N_ACTION, context: PresentationContext
) -> None:
    """Serve one N-ACTION request. Success says that the request is durable. Never raises: the peer gets a status."""
    response = N_ACTION()
    response.MessageIDBeingRespondedTo = request.MessageID
    response.AffectedSOPClassUID = request.RequestedSOPClassUID
    response.AffectedSOPInstanceUID = request.RequestedSOPInstanceUID
    response.ActionTypeID = request.ActionTypeID
    try:
        _check(request, context)
        transaction_uid, references = _read(request, context)
        peer = str(assoc.requestor.ae_title).strip()
        askers.add(archive.commitments().request(peer, transaction_uid, references), assoc, context)
        auditor.note(assoc, "commit", f"asked for {len(references)} instances", of=transaction_uid)
        response.Status = SUCCESS
    except Exception as error:  # noqa: BLE001  # the peer gets a failure, the association lives on
        refused = action_status(error)
        auditor.note(assoc, "commit", f"N-ACTION: status {refused.Status:04X}", outcome="failed")
        response.Status, response.ErrorComment = refused.Status, refused.ErrorComment
    if assoc.is_established:
        assoc.dimse.send_msg(response, context.context_id)


def notification(commitment: Commitment, items: Sequence[Item], ae_title: str, syntax: UID) -> N_EVENT_REPORT:
    """The N-EVENT-REPORT request that tells what came of a commitment (Table J.3-2).

    Args:
        commitment: the request.
        items: all of its instances, looked at.
        ae_title: from where the instances can be retrieved.
        syntax: transfer syntax of the presentation context.
    """
    event = Dataset()
    _set_uid(event, "TransactionUID", commitment.transaction_uid)
    committed = [_reference(item) for item in items if not item.failure]
    failed = [_reference(item) for item in items if item.failure]
    if committed:
        event.RetrieveAETitle = ae_title
        event.ReferencedSOPSequence = committed
    if failed:
        event.FailedSOPSequence = failed
    request = N_EVENT_REPORT()
    request.MessageID = 1
    request.AffectedSOPClassUID = StorageCommitmentPushModel
    request.AffectedSOPInstanceUID = StorageCommitmentPushModelInstance
    request.EventTypeID = _FAILURES_EXIST if failed else _COMPLETE
    encoded = encode(event, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    request.EventInformation = io.BytesIO(encoded or b"")
    return request


def _check(request: N_ACTION, context: PresentationContext) -> None:
    """Whether it is a request for storage commitment at all."""
    if not request.RequestedSOPClassUID == context.abstract_syntax == StorageCommitmentPushModel:
        raise Refused(_NO_SUCH_CLASS, f"SOP Class {request.RequestedSOPClassUID} has no actions here")
    if request.RequestedSOPInstanceUID != StorageCommitmentPushModelInstance:
        raise Refused(_NO_SUCH_INSTANCE, f"storage commitment is asked of {StorageCommitmentPushModelInstance}")
    if request.ActionTypeID != _REQUEST:
        raise Refused(_NO_SUCH_ACTION, f"there is no action of type {request.ActionTypeID}, only {_REQUEST}")


def _read(request: N_ACTION, context: PresentationContext) -> tuple[str, list[Reference]]:
    """Transaction UID and references of the action information (Table J.3-1)."""
    encoded = request.ActionInformation
    size = encoded.getbuffer().nbytes if encoded is not None else 0
    if not size:
        raise Refused(_INVALID_VALUE, "there is no action information")
    if size > _MOST_BYTES:
        raise Refused(_RESOURCE_LIMITATION, f"{size} bytes; {_MOST_BYTES} at most, ask in parts")
    syntax = context.transfer_syntax[0]
    try:
        information = decode(encoded, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        transaction_uid = information.get("TransactionUID")
        sequence = information.get("ReferencedSOPSequence") or []
        if len(sequence) > _MOST_INSTANCES:
            raise Refused(_RESOURCE_LIMITATION, f"{len(sequence)} instances; {_MOST_INSTANCES} at most, ask in parts")
        references = [(item.get("ReferencedSOPClassUID"), item.get("ReferencedSOPInstanceUID")) for item in sequence]
    except Refused:
        raise
    except Exception as error:
        # What pydicom raises on broken data sets has no common root.
        raise Refused(_INVALID_VALUE, f"action information cannot be read: {type(error).__name__}") from error
    if not references:
        raise Refused(_INVALID_VALUE, "Referenced SOP Sequence (0008,1199) is missing or empty")
    return _uid(transaction_uid, "Transaction UID"), [
        (_uid(sop_class, "Referenced SOP Class UID"), _uid(uid, "Referenced SOP Instance UID"))
        for sop_class, uid in references
    ]


def _uid(value: object, name: str) -> str:
    """A UID that is there, one value and not too long; whether it is well-formed is its maker's business."""
    text = value.strip(" \0") if isinstance(value, str) else ""
    if not (0 < len(text) <= _UID_LENGTH and text.isascii() and text.isprintable()):
        raise Refused(_INVALID_VALUE, f"{name} is missing or no UID")
    return text


def _set_uid(dataset: Dataset, keyword: str, value: str) -> None:
    """Set a UID as the peer wrote it, well-formed or not."""
    dataset.add(DataElement(tag_for_keyword(keyword) or 0, "UI", value, validation_mode=IGNORE))


def _reference(item: Item) -> Dataset:
    dataset = Dataset()
    _set_uid(dataset, "ReferencedSOPClassUID", item.sop_class)
    _set_uid(dataset, "ReferencedSOPInstanceUID", item.uid)
    if item.failure:
        dataset.FailureReason = item.failure
    return dataset
