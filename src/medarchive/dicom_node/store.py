"""C-STORE: acknowledged when the archive says that it is safe, and only then (PS3.4 B)."""

import uuid
from typing import Any

from medarchive.archive.archive import Archive
from medarchive.dicom.part10 import file_meta
from medarchive.dicom_node.association import Busy
from medarchive.dicom_node.command import Request
from medarchive.dicom_node.received import Received
from medarchive.dicom_node.status import SUCCESS, store_status

__all__ = ["Store"]


class Store:
    """Takes objects off the wire into the archive."""

    def __init__(self, archive: Archive, busy: Busy) -> None:
        self._archive = archive
        self._busy = busy

    def begin(self, association: Any, request: Request) -> Received:
        """A place for the object that is about to come, with its File Meta Information written already."""
        self._busy.enter(association)
        syntax = str(association._accepted_cx[request.context_id].transfer_syntax[0])
        source = str(association.requestor.ae_title).strip()
        meta = file_meta(request.sop_class, request.sop_instance, syntax, source)
        new_file = lambda: self._archive.incoming() / uuid.uuid4().hex  # noqa: E731  # named by its parameter
        return Received(meta, new_file, self._archive.settings.max_object_bytes)

    def end(self, association: Any, request: Request, received: Received) -> tuple[int, str]:
        """Store the object; the answer is DIMSE status and error comment."""
        try:
            source = str(association.requestor.ae_title).strip()
            self._archive.store(received.part10(), source=source, expect=(request.sop_class, request.sop_instance))
        except Exception as error:  # noqa: BLE001  # whatever it is, the peer must hear that nothing was stored
            refused = store_status(error)
            return int(refused.Status), str(refused.ErrorComment)
        finally:
            self.drop(association, received)
        return SUCCESS, ""

    def drop(self, association: Any, received: Received) -> None:
        """Let go of an object, stored or not."""
        received.close()
        self._busy.leave(association)
