"""A modality and a workstation in one, for demonstrations: sends objects to a node and asks for them back.

What it sends and keeps are the bytes of data sets, never parsed and written anew.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian
from pynetdicom import AE, _config, build_context, build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from medarchive.dicom_node.asking import prepare
from medarchive.dicom_node.association import set_nodelay
from medarchive.errors import DicomError

__all__ = ["Modality", "Sent"]

_SUCCESS, _PENDING = 0x0000, (0xFF00, 0xFF01)
_ACCEPTED = (evt.EVT_CONN_OPEN, lambda event: set_nodelay(event.assoc))
_REQUESTED = (evt.EVT_CONN_OPEN, lambda event: prepare(event.assoc))


@dataclass(frozen=True, slots=True)
class Sent:
    """How one C-STORE went.

    Attributes:
        path: the file whose data set was sent.
        status: of the response; None where there was none.
        seconds: until the response.
    """

    path: Path
    status: int | None
    seconds: float


class Modality:
    """One application entity, with a port of its own that C-MOVE delivers to."""

    def __init__(self, ae_title: str, node: str, files: Sequence[Path]) -> None:
        """Listen on a free port of the loopback interface.

        Args:
            ae_title: our own.
            node: the AE title of the node.
            files: what will be sent and asked for; the associations are negotiated for these, and for reports.
        """
        _config.STORE_SEND_CHUNKED_DATASET = True  # send the bytes of a file as they are
        metas = [read_file_meta_info(file) for file in files]
        sent = {(str(m.MediaStorageSOPClassUID), str(m.TransferSyntaxUID)) for m in metas}
        self._kinds = sorted({*sent, (Comprehensive3DSRStorage, ExplicitVRLittleEndian)})  # what the node may add
        self._ae = AE(ae_title)
        self._node = node
        self._moved: dict[str, bytes] = {}
        for sop_class in {sop_class for sop_class, _ in self._kinds}:
            self._ae.add_supported_context(sop_class, [syntax for of, syntax in self._kinds if of == sop_class])
        keep = (evt.EVT_C_STORE, _keep, [self._moved])
        self._server = self._ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[_ACCEPTED, keep])
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Stop listening at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """See ``__enter__``."""
        self._server.shutdown()

    @contextmanager
    def _association(self, port: int, contexts: Sequence[Any], **options: Any) -> Iterator[Any]:
        """An association with the node, released at the end of the block.

        Raises:
            DicomError: the node does not accept it.
        """
        options.setdefault("evt_handlers", [_REQUESTED])
        association = self._ae.associate("127.0.0.1", port, list(contexts), self._node, **options)
        if not association.is_established:
            raise DicomError(f"{self._node} on port {port} takes no association")
        try:
            yield association
        finally:
            association.release()

    def send(self, port: int, files: Sequence[Path]) -> Iterator[Sent]:
        """C-STORE files to a node over one association.

        Raises:
            DicomError: the association was broken off.
        """
        with self._association(port, [build_context(of, syntax) for of, syntax in self._kinds]) as association:
            for file in files:
                if not association.is_established:
                    raise DicomError(f"{self._node} broke the association off before {file.name} was sent")
                started = time.perf_counter()
                status = association.send_c_store(file).get("Status")
                yield Sent(file, status, time.perf_counter() - started)

    def find(self, port: int, **keys: str) -> list[Dataset]:
        """C-FIND studies.

        Raises:
            DicomError: the node reports a failure.
        """
        model = StudyRootQueryRetrieveInformationModelFind
        with self._association(port, [build_context(model)]) as association:
            responses = list(association.send_c_find(_identifier(**keys), model))
        _check("C-FIND", responses)
        return [identifier for _, identifier in responses if identifier is not None]

    def get(self, port: int, study_uids: Sequence[str]) -> dict[str, bytes]:
        """C-GET studies: data sets by SOP Instance UID.

        Raises:
            DicomError: the node reports a failure.
        """
        model = StudyRootQueryRetrieveInformationModelGet
        contexts = [build_context(model), *(build_context(of, syntax) for of, syntax in self._kinds)]
        roles = [build_role(sop_class, scp_role=True) for sop_class in {of for of, _ in self._kinds}]
        received: dict[str, bytes] = {}
        keep = (evt.EVT_C_STORE, _keep, [received])
        with self._association(port, contexts, ext_neg=roles, evt_handlers=[_REQUESTED, keep]) as association:
            for uid in study_uids:
                _check("C-GET", list(association.send_c_get(_identifier(StudyInstanceUID=uid), model)))
        return received

    def move(self, port: int, study_uids: Sequence[str]) -> dict[str, bytes]:
        """C-MOVE studies to our own port: data sets by SOP Instance UID.

        Raises:
            DicomError: the node reports a failure.
        """
        model = StudyRootQueryRetrieveInformationModelMove
        self._moved.clear()
        with self._association(port, [build_context(model)]) as association:
            for uid in study_uids:
                responses = association.send_c_move(_identifier(StudyInstanceUID=uid), self._ae.ae_title, model)
                _check("C-MOVE", list(responses))
        return dict(self._moved)


def _keep(event: Any, received: dict[str, bytes]) -> int:
    """Keep a data set as it came over the wire."""
    received[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
    return _SUCCESS


def _identifier(**keys: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier


def _check(what: str, responses: list[tuple[Dataset, Dataset | None]]) -> None:
    status = responses[-1][0].get("Status") if responses else None
    if status != _SUCCESS:
        raise DicomError(f"{what} ended with {'no response' if status is None else f'status {status:04X}'}")
