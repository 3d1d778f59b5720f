"""C-STORE: acknowledged when the archive says that it is safe, and only then (PS3.4 B)."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from medarchive.archive.archive import Archive
from medarchive.archive.ingest import Offer, Stored
from medarchive.dicom.part10 import file_meta
from medarchive.dicom_node.association import Busy
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.command import Request
from medarchive.dicom_node.received import Received
from medarchive.dicom_node.reception import Arrived
from medarchive.dicom_node.status import SUCCESS, store_status

__all__ = ["Store"]


class Store:
    """Takes objects off the wire into the archive."""

    def __init__(self, archive: Archive, busy: Busy, auditor: Auditor) -> None:
        self._archive = archive
        self._busy = busy
        self._auditor = auditor

    def begin(self, association: Any, request: Request) -> Received:
        """A place for the object that is about to come, with its File Meta Information written already."""
        syntax = str(association._accepted_cx[request.context_id].transfer_syntax[0])
        meta = file_meta(request.sop_class, request.sop_instance, syntax, _source(association))
        new_file = lambda: self._archive.incoming() / uuid.uuid4().hex  # noqa: E731  # named by its parameter
        received = Received(meta, new_file, self._archive.settings.max_object_bytes)
        self._busy.enter(association)
        return received

    def end(self, arrived: Sequence[Arrived], answer: Callable[[int, int, str], None]) -> None:
        """Store objects together, and answer each by its number, with DIMSE status and error comment.

        A request is under way until it is answered, and a node that stops waits for it.
        """
        try:
            offers = [
                Offer(received.part10, _source(association), (request.sop_class, request.sop_instance))
                for association, request, received in arrived
            ]
            for number, outcome in enumerate(self._archive.store_all(offers)):
                association = arrived[number][0]
                if isinstance(outcome, Stored):
                    self._auditor.pushed(association, outcome.study_uid, stored=True)
                else:
                    self._auditor.pushed(association, "", stored=False)
                answer(number, *_answer(outcome))
        finally:
            for association, _, received in arrived:
                self.drop(association, received)

    def drop(self, association: Any, received: Received) -> None:
        """Let go of an object, stored or not."""
        received.close()
        self._busy.leave(association)


def _source(association: Any) -> str:
    return str(association.requestor.ae_title).strip()


def _answer(outcome: Stored | Exception) -> tuple[int, str]:
    if isinstance(outcome, Stored):
        return SUCCESS, ""
    refused = store_status(outcome)
    return int(refused.Status), str(refused.ErrorComment)
