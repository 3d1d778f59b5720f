"""C-GET and C-MOVE: stored bytes go out as they came in, by one loop of C-STORE sub-operations (PS3.4 C.4.2-3)."""

import io
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from pydicom.dataset import Dataset
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContext

from medarchive.archive.ahead import Load
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Outcome
from medarchive.archive.catalog import InstanceRecord
from medarchive.dicom.part10 import skip_meta
from medarchive.dicom.query import UNIQUE, Exact, Level, OneOf, Query
from medarchive.dicom.transcode import COMPRESSED, NATIVE, TARGETS
from medarchive.dicom_node.asking import associated
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.negotiation import ROOTS
from medarchive.dicom_node.status import (
    CANCELLED,
    MOVE_DESTINATION_UNKNOWN,
    PENDING,
    SOME_FAILED,
    SUBOPERATIONS_FAILED,
    SUCCESS,
    find_status,
)
from medarchive.errors import BadQuery, CannotTranscode, MedarchiveError
from medarchive.settings import Peer

__all__ = ["retrieve"]

LOGGER = logging.getLogger(__name__)

_MOST_CONTEXTS = 128
_MOST_SUBOPERATIONS = 65535
_QUEUED = 32


@dataclass(slots=True)
class _Progress:
    """The counts of a retrieval, as every response carries them."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    def count(self, uid: str, status: int | None) -> None:
        self.remaining -= 1
        if status == SUCCESS:
            self.completed += 1
        elif status is not None and status >> 12 == 0xB:
            self.warning += 1
        else:
            self.failed += 1
            self.failed_uids.append(uid)


def retrieve(
    archive: Archive,
    auditor: Auditor,
    assoc: Association,
    request: C_GET | C_MOVE,
    context: PresentationContext,
) -> None:
    """Serve one C-GET or C-MOVE request to its final response. Never raises: the peer gets a status."""
    reply = _Reply(assoc, request, context)
    try:
        records = _asked_for(archive, request, context)
        peer = None
        if isinstance(request, C_MOVE):
            title = str(request.MoveDestination or "").strip()
            peer = next((peer for peer in archive.settings.peers if peer.ae_title == title), None)
            if peer is None:
                LOGGER.warning("C-MOVE to %r, which is no known peer", title)
                auditor.note(assoc, "download", f"C-MOVE to {title}, which is no known peer", outcome="refused")
                reply.final(MOVE_DESTINATION_UNKNOWN)
                return
        progress = _Progress(len(records))
        if peer is None:
            cancelled = _send_all(archive, assoc, records, progress, reply)
        else:
            cancelled = _move(archive, assoc, peer, records, progress, reply)
        how = "C-GET" if peer is None else f"C-MOVE to {peer}"
        instances = Counter(record.study_uid for record in records) or {"": 0}
        outcome: Outcome = "failed" if progress.completed < len(records) else "success"
        detail = f"of all, {progress.completed} of {len(records)} sent{', cancelled' * cancelled}"
        auditor.retrieved(assoc, how, instances, detail, outcome)
        if assoc.is_established:
            reply.final(_outcome(progress, len(records), cancelled=cancelled), progress)
    except Exception as error:  # noqa: BLE001  # the peer gets a failure, the association lives on
        what = "C-MOVE" if isinstance(request, C_MOVE) else "C-GET"
        auditor.note(assoc, "download", f"{what}: {type(error).__name__}", outcome="failed")
        if assoc.is_established:
            reply.refuse(find_status(error))


def _outcome(progress: _Progress, asked: int, *, cancelled: bool) -> int:
    if cancelled:
        return CANCELLED
    if progress.failed and progress.failed == asked:
        return SUBOPERATIONS_FAILED
    return SOME_FAILED if progress.failed or progress.warning else SUCCESS


def _asked_for(archive: Archive, request: C_GET | C_MOVE, context: PresentationContext) -> list[InstanceRecord]:
    """The instances that the identifier names (C.4.2.1.4).

    Raises:
        BadQuery: it names none, or too many for the counts of a response.
    """
    syntax = context.transfer_syntax[0]
    try:
        identifier = decode(request.Identifier, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        query = Query.from_dataset(identifier, root=ROOTS[cast("Any", request.AffectedSOPClassUID)])
    except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError) as error:
        raise BadQuery(f"the identifier cannot be read: {type(error).__name__}") from error
    wanted = {key.keyword: _listed(key.matcher) for key in query.keys if key.keyword in UNIQUE.values()}
    values = wanted.get(UNIQUE[query.level])
    if not values:
        raise BadQuery(f"a retrieval at the {query.level} level needs {UNIQUE[query.level]}")
    above = [(name, wanted[keyword]) for keyword, name in _RECORD.items() if keyword in wanted]
    records = [
        record
        for record in archive.instances(query.level, values)
        if all(getattr(record, name) in allowed for name, allowed in above)
    ]
    if len(records) > _MOST_SUBOPERATIONS:
        raise BadQuery(f"{len(records)} instances; one retrieval counts {_MOST_SUBOPERATIONS} at most, ask by series")
    return records


_RECORD = {UNIQUE[Level.STUDY]: "study_uid", UNIQUE[Level.SERIES]: "series_uid", UNIQUE[Level.IMAGE]: "uid"}


def _listed(matcher: object) -> tuple[str, ...]:
    if isinstance(matcher, OneOf):
        return matcher.values
    return (matcher.value,) if isinstance(matcher, Exact) else ()


class _Reply:
    """Responses to one request."""

    def __init__(self, assoc: Association, request: C_GET | C_MOVE, context: PresentationContext) -> None:
        self._assoc = assoc
        self._request = request
        self._context = context

    @property
    def message_id(self) -> int:
        return int(self._request.MessageID)

    @property
    def cancelled(self) -> bool:
        return self._request.MessageID in self._assoc.dimse.cancel_req

    def pending(self, progress: _Progress) -> None:
        self._send(PENDING, progress)

    def final(self, status: int, progress: _Progress | None = None) -> None:
        self._send(status, progress)

    def refuse(self, status: Dataset) -> None:
        self._send(status.Status, None, status.get("ErrorComment"))

    def _send(self, status: int, progress: _Progress | None, comment: str | None = None) -> None:
        response = type(self._request)()
        response.MessageID = self._request.MessageID
        response.MessageIDBeingRespondedTo = self._request.MessageID
        response.AffectedSOPClassUID = self._request.AffectedSOPClassUID
        response.Status = status
        if comment is not None:
            response.ErrorComment = comment
        if progress is not None:
            if status in (PENDING, CANCELLED):
                response.NumberOfRemainingSuboperations = progress.remaining
            response.NumberOfCompletedSuboperations = progress.completed
            response.NumberOfFailedSuboperations = progress.failed
            response.NumberOfWarningSuboperations = progress.warning
            if status != PENDING and progress.failed_uids:
                response.Identifier = io.BytesIO(self._failed(progress.failed_uids))
        self._assoc.dimse.send_msg(response, self._context.context_id)

    def _failed(self, uids: list[str]) -> bytes:
        """The Failed SOP Instance UID List (C.4.2.1.4.2)."""
        identifier = Dataset()
        identifier.FailedSOPInstanceUIDList = uids
        syntax = self._context.transfer_syntax[0]
        encoded = encode(identifier, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        return encoded or b""


def _send_all(
    archive: Archive,
    assoc: Association,
    records: Sequence[InstanceRecord],
    progress: _Progress,
    reply: _Reply,
    originator: tuple[str, int] | None = None,
) -> bool:
    """Send instances over an association, a pending response after each; True where the peer cancelled."""
    load = archive.ahead(records).load
    for number, record in enumerate(records):
        if reply.cancelled:
            return True
        try:
            status = _send(load, assoc, record, number % 65535 + 1, originator)
        except MedarchiveError as error:
            LOGGER.warning("instance %s was not sent: %s", record.uid, error)
            status = None
        progress.count(record.uid, status)
        if not assoc.is_established:
            for lost in records[number + 1 :]:
                progress.count(lost.uid, None)
            return False
        reply.pending(progress)
    return False


def _send(
    load: Load, assoc: Association, record: InstanceRecord, message_id: int, originator: tuple[str, int] | None
) -> int | None:
    """One C-STORE sub-operation; its status, None where no answer came."""
    context, stream = _opened(load, assoc, record)
    with stream:
        skip_meta(stream)
        request = C_STORE()
        request.MessageID = message_id
        request.AffectedSOPClassUID = record.sop_class
        request.AffectedSOPInstanceUID = record.uid
        request.Priority = 2
        if originator is not None:
            request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID = originator
        _send_request(assoc, request, stream, context.context_id)
    _, answer = assoc.dimse.get_msg(block=True)
    if answer is None:
        LOGGER.warning("no answer to a C-STORE sub-operation; the association is aborted")
        assoc.abort()
        return None
    return int(answer.Status) if isinstance(answer, C_STORE) and answer.is_valid_response else None


def _opened(load: Load, assoc: Association, record: InstanceRecord) -> tuple[PresentationContext, BinaryIO]:
    """The context to send an instance over, and its file in that context's transfer syntax: as it is where the peer
    takes that, else native, else compressed without loss.

    Raises:
        CannotTranscode: the peer accepted none that will do.
    """
    accepted = {
        str(context.transfer_syntax[0]): context
        for context in assoc.accepted_contexts
        if context.abstract_syntax == record.sop_class and context.as_scu
    }
    reasons = []
    for syntax in (record.transfer_syntax, *TARGETS):
        if syntax in accepted:
            try:
                return accepted[syntax], load(record.uid, transfer_syntax=syntax)
            except CannotTranscode as error:
                reasons.append(str(error))
    why = (
        "; ".join(reasons) or f"the peer accepted no transfer syntax for SOP Class {record.sop_class} that we can send"
    )
    raise CannotTranscode(why)


def _send_request(assoc: Association, request: C_STORE, stream: BinaryIO, context_id: int) -> None:
    """The command set as pynetdicom encodes it, then the data set as it is, fragment by fragment (PS3.8 E)."""
    message = C_STORE_RQ()
    request.DataSet = io.BytesIO(b"\0")  # says that a data set follows; the bytes themselves come from the stream
    message.primitive_to_message(request)
    message.data_set = None
    peer_limit = assoc.dimse.maximum_pdu_size
    for command in message.encode_msg(context_id, peer_limit):
        assoc.dul.send_pdu(command)
    size = (peer_limit or 1 << 16) - 6
    fragment = stream.read(size)
    while True:
        following = stream.read(size)
        data = P_DATA()
        data.presentation_data_value_list.append((context_id, (b"\x00" if following else b"\x02") + fragment))
        while assoc.dul.to_provider_queue.qsize() > _QUEUED and assoc.is_established:
            time.sleep(0.0005)  # the peer takes its time: no more than these few fragments wait in memory
        assoc.dul.send_pdu(data)
        if not following or not assoc.is_established:
            return
        fragment = following


def _move(
    archive: Archive,
    assoc: Association,
    peer: Peer,
    records: Sequence[InstanceRecord],
    progress: _Progress,
    reply: _Reply,
) -> bool:
    """Send instances to another application entity, over as many associations as their contexts need."""
    originator = (str(assoc.requestor.ae_title).strip(), reply.message_id)
    for contexts, some in _batches(records):
        with associated(archive.settings, peer, contexts) as destination:
            if destination is None:
                LOGGER.warning("no association with the C-MOVE destination %s", peer)
                for record in some:
                    progress.count(record.uid, None)
                continue
            if _send_all(archive, destination, some, progress, reply, originator):
                return True
    return False


def _batches(records: Sequence[InstanceRecord]) -> Iterator[tuple[list[PresentationContext], list[InstanceRecord]]]:
    """Runs of instances whose contexts fit one association (PS3.8 9.3.2.2: 128)."""
    wanted: dict[tuple[str, ...], PresentationContext] = {}
    some: list[InstanceRecord] = []
    for record in records:
        contexts = {
            (record.sop_class, *syntaxes): build_context(record.sop_class, list(syntaxes))
            for syntaxes in ((record.transfer_syntax,), NATIVE, COMPRESSED)
        }
        if some and len(wanted | contexts) > _MOST_CONTEXTS:
            yield list(wanted.values()), some
            wanted, some = {}, []
        wanted |= contexts
        some.append(record)
    if some:
        yield list(wanted.values()), some
