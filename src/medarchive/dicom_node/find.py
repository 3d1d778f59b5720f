"""C-FIND: a query in, matches out, one by one (PS3.4 C.4.1)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from medarchive.archive.archive import Archive
from medarchive.dicom.query import Query
from medarchive.dicom.response import response
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.negotiation import ROOTS
from medarchive.dicom_node.status import CANCELLED, PENDING, find_status
from medarchive.errors import BadQuery

__all__ = ["handle_find"]


def handle_find(event: Event, archive: Archive, auditor: Auditor) -> Iterator[tuple[int | Dataset, Dataset | None]]:
    """Yield a pending response for every match; stop where the peer cancels."""
    try:
        root = ROOTS[event.request.AffectedSOPClassUID]
        try:
            identifier = event.identifier
            query = Query.from_dataset(identifier, root=root)
        except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError) as error:
            raise BadQuery(f"the identifier cannot be read: {type(error).__name__}") from error
        asked = ", ".join(key.keyword for key in query.keys)
        auditor.note(event.assoc, "query", f"C-FIND {query.level} by {asked or 'nothing'}")
        for match in archive.find(query):
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield PENDING, response(match, identifier, retrieve_ae_title=archive.settings.ae_title)
    except Exception as error:  # noqa: BLE001  # the peer gets a failure, the association lives on
        auditor.note(event.assoc, "query", f"C-FIND: {type(error).__name__}", outcome="failed")
        yield find_status(error), None
