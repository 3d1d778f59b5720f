"""C-FIND, C-GET and C-MOVE with pynetdicom as the peer, and the bytes that leave the node as the reference."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    MRImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from contracts.objects import SHIPPED, ct
from contracts.raw_peer import dataset_of
from integration.conftest import with_destination
from medarchive.archive.archive import Archive
from medarchive.dicom.frames import file_frame
from medarchive.dicom.part10 import file_meta
from medarchive.dicom_node.node import Node

RLE, JPEG_XL = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.110"


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number in range(1, 6):
        archive.store(io.BytesIO(ct(number)))
    archive.store(io.BytesIO(ct(1, study="1.2.4", series="1.2.4.1", patient="P2", PatientName="Zoë", Modality="MR",
                                SpecificCharacterSet="ISO_IR 192")))  # fmt: skip
    list(archive.compress())
    return archive


def identifier(level: str, **keys: object) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def find(node: Node, model: str, asked: Dataset, cancel_after: int | None = None) -> tuple[int, list[Dataset]]:
    ae = AE(ae_title="SCU")
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    assert association.is_established
    matches, status = [], -1
    for answer, match in association.send_c_find(asked, model, msg_id=7):
        status = answer.Status
        if match is not None:
            matches.append(match)
            if len(matches) == cancel_after:
                association.send_c_cancel(7, query_model=model)
    association.release()
    return status, matches


def test_find_at_every_level_of_both_models(node: Node, filled: Archive) -> None:
    patient, study = PatientRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelFind
    for model, level, keys, count in (
        (patient, "PATIENT", {"PatientID": ""}, 2),
        (patient, "STUDY", {"PatientID": "P1", "StudyInstanceUID": ""}, 1),
        (study, "STUDY", {"PatientName": "test*", "StudyInstanceUID": ""}, 1),
        (study, "STUDY", {"StudyDate": "20240101-20240103", "NumberOfStudyRelatedInstances": ""}, 2),
        (study, "SERIES", {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "", "Modality": ""}, 1),
        (study, "IMAGE", {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.1.1", "SOPInstanceUID": ""}, 5),
        (study, "IMAGE", {"SOPInstanceUID": ["1.2.3.1.1.2", "1.2.3.1.1.4"]}, 2),
    ):
        status, matches = find(node, model, identifier(level, **keys))
        assert (status, len(matches)) == (0, count), f"{level} {keys}"
        assert all(match.QueryRetrieveLevel == level and match.RetrieveAETitle == "MEDARCHIVE" for match in matches)


def test_find_returns_names_in_unicode(node: Node, filled: Archive) -> None:
    asked = identifier("STUDY", PatientName="zO?", StudyInstanceUID="")
    _, (match,) = find(node, StudyRootQueryRetrieveInformationModelFind, asked)
    assert match.PatientName == "Zoë"


def test_find_answers_bad_identifiers_with_a_failure(node: Node, filled: Archive) -> None:
    model = StudyRootQueryRetrieveInformationModelFind
    for asked in (identifier("PATIENT", PatientID=""), identifier("FRAME"), identifier("STUDY", StudyDate="soon")):
        assert find(node, model, asked) == (0xA900, [])


def test_find_can_be_cancelled(node: Node, filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    search, go = filled.find, threading.Event()

    def slow(query: object) -> Iterator[object]:
        for number, match in enumerate(search(query)):  # type: ignore[arg-type]
            if number == 2:
                go.wait(1)
            yield match

    monkeypatch.setattr(filled, "find", slow)
    asked = identifier("IMAGE", StudyInstanceUID="1.2.3.1", SOPInstanceUID="")
    status, matches = find(node, StudyRootQueryRetrieveInformationModelFind, asked, cancel_after=2)
    assert status == 0xFE00
    assert len(matches) < 5


class Receiver:
    """Keeps the data sets of C-STORE requests as they arrive, in bytes."""

    def __init__(self) -> None:
        self.datasets: dict[str, tuple[str, bytes]] = {}
        self.originators: set[tuple[str, int]] = set()
        self.refuse: set[str] = set()

    def store(self, event: evt.Event) -> int:
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        self.originators.add((request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID))
        if uid in self.refuse:
            return 0xA700
        self.datasets[uid] = (str(event.context.transfer_syntax), request.DataSet.getvalue())
        return 0


def get(
    node: Node, asked: Dataset, syntaxes: list[str], sop_class: str = CTImageStorage, receiver: Receiver | None = None
) -> tuple[list[Dataset], dict[str, tuple[str, bytes]], list[Dataset]]:
    receiver = receiver or Receiver()
    ae = AE(ae_title="SCU")
    model = StudyRootQueryRetrieveInformationModelGet
    ae.add_requested_context(model)
    for syntax in syntaxes:
        ae.add_requested_context(sop_class, syntax)
    association = ae.associate(
        *("127.0.0.1", node.port),
        ae_title="MEDARCHIVE",
        ext_neg=[build_role(sop_class, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, receiver.store)],
    )
    assert association.is_established
    answers = list(association.send_c_get(asked, model))
    association.release()
    return [status for status, _ in answers], receiver.datasets, [found for _, found in answers if found]


def test_get_sends_the_stored_bytes(node: Node, filled: Archive) -> None:
    statuses, received, _ = get(node, identifier("STUDY", StudyInstanceUID="1.2.3.1"), [ExplicitVRLittleEndian])
    assert statuses[-1].Status == 0
    assert statuses[-1].NumberOfCompletedSuboperations == 5
    assert [status.NumberOfRemainingSuboperations for status in statuses[:-1]] == [4, 3, 2, 1, 0]
    for number in range(1, 6):
        assert received[f"1.2.3.1.1.{number}"] == (ExplicitVRLittleEndian, dataset_of(ct(number))[3])


def test_get_transcodes_for_a_peer_that_takes_nothing_else(node: Node, filled: Archive) -> None:
    asked = identifier("IMAGE", StudyInstanceUID="1.2.3.1", SeriesInstanceUID="1.2.3.1.1", SOPInstanceUID="1.2.3.1.1.3")
    _, received, _ = get(node, asked, [ImplicitVRLittleEndian])
    syntax, data = received["1.2.3.1.1.3"]
    assert syntax == ImplicitVRLittleEndian
    found = pydicom.dcmread(io.BytesIO(data), force=True)
    assert found.SOPInstanceUID == "1.2.3.1.1.3"
    assert found.PixelData == pydicom.dcmread(io.BytesIO(ct(3))).PixelData


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, RLELossless])
def test_get_compresses_for_a_peer_that_takes_nothing_else(node: Node, filled: Archive, syntax: UID) -> None:
    asked = identifier("IMAGE", SOPInstanceUID="1.2.3.1.1.3")
    _, received, _ = get(node, asked, [syntax])
    assert received["1.2.3.1.1.3"][0] == syntax
    found = pydicom.dcmread(io.BytesIO(received["1.2.3.1.1.3"][1]), force=True)
    file = io.BytesIO(file_meta(found.SOPClassUID, found.SOPInstanceUID, syntax) + received["1.2.3.1.1.3"][1])
    assert file_frame(file, 0) == file_frame(io.BytesIO(ct(3)), 0)


def test_get_goes_on_to_the_next_transfer_syntax_that_will_do(node: Node, archive: Archive) -> None:
    data = (SHIPPED / "MR_small.dcm").read_bytes()  # signed: JPEG XL holds no signs
    uid = archive.store(io.BytesIO(data)).uid
    _, received, _ = get(node, identifier("IMAGE", SOPInstanceUID=uid), [UID(JPEG_XL), RLE], MRImageStorage)
    assert received[uid][0] == RLE


def test_get_of_a_compressed_object_as_it_is_and_decoded(node: Node, archive: Archive) -> None:
    data = (SHIPPED / "MR_small_RLE.dcm").read_bytes()
    uid = archive.store(io.BytesIO(data)).uid
    asked = identifier("IMAGE", SOPInstanceUID=uid)
    _, received, _ = get(node, asked, [RLE, ExplicitVRLittleEndian], MRImageStorage)
    assert received[uid] == (RLE, dataset_of(data)[3])
    _, received, _ = get(node, asked, [ExplicitVRLittleEndian], MRImageStorage)
    native = pydicom.dcmread(SHIPPED / "MR_small.dcm")
    assert pydicom.dcmread(io.BytesIO(received[uid][1]), force=True).PixelData == native.PixelData


def test_get_counts_and_names_what_failed(node: Node, filled: Archive) -> None:
    receiver = Receiver()
    receiver.refuse = {"1.2.3.1.1.2", "1.2.3.1.1.4"}
    asked = identifier("SERIES", SeriesInstanceUID="1.2.3.1.1")
    statuses, received, identifiers = get(node, asked, [ExplicitVRLittleEndian], receiver=receiver)
    final = statuses[-1]
    assert final.Status == 0xB000
    assert (final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations) == (3, 2)
    assert set(identifiers[-1].FailedSOPInstanceUIDList) == receiver.refuse
    assert len(received) == 3


def test_get_where_nothing_can_be_sent(node: Node, filled: Archive) -> None:
    statuses, received, _ = get(node, identifier("STUDY", StudyInstanceUID="1.2.3.1"), [ExplicitVRBigEndian])
    assert statuses[-1].Status == 0xA702
    assert statuses[-1].NumberOfFailedSuboperations == 5
    assert received == {}


def test_get_of_nothing_is_success_and_of_no_uid_a_failure(node: Node, filled: Archive) -> None:
    statuses, _, _ = get(node, identifier("STUDY", StudyInstanceUID="9.9"), [ExplicitVRLittleEndian])
    assert [status.Status for status in statuses] == [0]
    statuses, _, _ = get(node, identifier("STUDY", PatientName="Test*"), [ExplicitVRLittleEndian])
    assert [status.Status for status in statuses] == [0xA900]


def test_get_never_sends_a_corrupt_object(node: Node, filled: Archive) -> None:
    record = filled.instance("1.2.3.1.1.2")
    path: Path = filled.settings.archive / "blobs" / record.blob[:2] / record.blob
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    statuses, received, found = get(node, identifier("STUDY", StudyInstanceUID="1.2.3.1"), [ExplicitVRLittleEndian])
    assert statuses[-1].Status == 0xB000
    assert record.uid not in received
    assert len(received) == 4
    assert found[-1].FailedSOPInstanceUIDList == record.uid


@pytest.fixture
def destination() -> Iterator[tuple[Receiver, int]]:
    receiver = Receiver()
    ae = AE(ae_title="DEST")
    for sop_class in (CTImageStorage, MRImageStorage):
        ae.add_supported_context(sop_class, [ExplicitVRLittleEndian, RLE])
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, receiver.store)])
    yield receiver, server.server_address[1]
    server.shutdown()


def move(node: Node, asked: Dataset, to: str = "DEST") -> list[Dataset]:
    ae = AE(ae_title="WORKSTATION")
    model = StudyRootQueryRetrieveInformationModelMove
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDARCHIVE")
    assert association.is_established
    answers = [status for status, _ in association.send_c_move(asked, to, model, msg_id=42)]
    association.release()
    return answers


def test_move_sends_the_stored_bytes_and_says_who_asked(
    node: Node, filled: Archive, destination: tuple[Receiver, int]
) -> None:
    receiver, port = destination
    with_destination(filled, port)
    filled.store(io.BytesIO((SHIPPED / "MR_small_RLE.dcm").read_bytes()))
    rle = dataset_of((SHIPPED / "MR_small_RLE.dcm").read_bytes())
    studies = ["1.2.3.1", pydicom.dcmread(SHIPPED / "MR_small_RLE.dcm").StudyInstanceUID]
    answers = move(node, identifier("STUDY", StudyInstanceUID=studies))
    assert answers[-1].Status == 0
    assert answers[-1].NumberOfCompletedSuboperations == 6
    assert receiver.datasets["1.2.3.1.1.4"] == (ExplicitVRLittleEndian, dataset_of(ct(4))[3])
    assert receiver.datasets[rle[1]] == (RLE, rle[3])
    assert receiver.originators == {("WORKSTATION", 42)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom drops a refused socket
def test_move_to_a_stranger_or_to_nobody(node: Node, filled: Archive) -> None:
    asked = identifier("STUDY", StudyInstanceUID="1.2.3.1")
    assert [answer.Status for answer in move(node, asked, "STRANGER")] == [0xA801]
    with_destination(filled, 1)
    answers = move(node, asked)
    assert answers[-1].Status == 0xA702
    assert answers[-1].NumberOfFailedSuboperations == 5


def test_a_patient_root_model_gets_too(node: Node, filled: Archive) -> None:
    ae = AE(ae_title="SCU")
    ae.add_requested_context(PatientRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    receiver = Receiver()
    association = ae.associate(
        *("127.0.0.1", node.port),
        ae_title="MEDARCHIVE",
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, receiver.store)],
    )
    asked = identifier("PATIENT", PatientID="P1")
    answers = list(association.send_c_get(asked, PatientRootQueryRetrieveInformationModelGet))
    association.release()
    assert answers[-1][0].Status == 0
    assert len(receiver.datasets) == 5
