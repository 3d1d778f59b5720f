"""C-STORE: acknowledged when the archive says that it is safe, and only then (PS3.4 B)."""

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from medarchive.archive.archive import Archive
from medarchive.dicom_node.association import Received
from medarchive.dicom_node.status import SUCCESS, store_status

__all__ = ["handle_store"]


def handle_store(event: Event, archive: Archive) -> int | Dataset:
    """Store what was received; the answer is the DIMSE status."""
    request = event.request
    received = request.DataSet
    try:
        assert isinstance(received, Received)
        expect = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        source = str(event.assoc.requestor.ae_title).strip()
        archive.store(received.part10(), source=source, expect=expect)
    except Exception as error:  # noqa: BLE001  # whatever it is, the peer must hear that nothing was stored
        return store_status(error)
    finally:
        if isinstance(received, Received):
            received.close()
    return SUCCESS
