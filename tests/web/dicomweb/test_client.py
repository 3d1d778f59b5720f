"""dicomweb-client against the real server: what it gets is what was stored."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from requests import HTTPError

from contracts.objects import SHIPPED, ct
from medarchive.archive.archive import Archive
from medarchive.dicom.encapsulated import DECODED
from medarchive.errors import CannotTranscode, MedarchiveError

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
OCTETS = "application/octet-stream"
STUDY, SERIES = "1.2.3.1", "1.2.3.1.1"


@pytest.fixture
def client(archive: Archive, live: Any) -> DICOMwebClient:
    for number in (2, 1, 3):
        archive.store(io.BytesIO(ct(number)))
    archive.store(io.BytesIO(ct(9, study="1.2.3.9", series="1.2.3.9.1", patient="P9", PatientName="Other^Name")))
    return connected(live)


def connected(live: Any) -> DICOMwebClient:
    return DICOMwebClient(f"{live.url}/dicom-web", session=live.session())


def uids(found: list[dict[str, Any]], tag: str) -> list[str]:
    return [each[tag]["Value"][0] for each in found]


def test_searches_at_all_levels(client: DICOMwebClient) -> None:
    assert sorted(uids(client.search_for_studies(), "0020000D")) == [STUDY, "1.2.3.9"]
    assert uids(client.search_for_studies(search_filters={"PatientName": "other*"}), "0020000D") == ["1.2.3.9"]
    assert uids(client.search_for_series(STUDY), "0020000E") == [SERIES]
    assert len(client.search_for_series()) == 2
    assert uids(client.search_for_instances(STUDY, SERIES), "00080018") == [f"{SERIES}.{n}" for n in (1, 2, 3)]
    assert len(client.search_for_instances(STUDY)) == 3
    assert len(client.search_for_instances()) == 4
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_pages_until_nothing_remains(client: DICOMwebClient) -> None:
    assert len(client.search_for_instances(limit=1, get_remaining=True)) == 4


def test_instances_come_back_as_they_were_stored(client: DICOMwebClient) -> None:
    found = client.retrieve_instance(STUDY, SERIES, f"{SERIES}.1")
    assert found.PixelData == pydicom.dcmread(io.BytesIO(ct(1))).PixelData
    assert len(client.retrieve_series(STUDY, SERIES)) == 3
    assert len(client.retrieve_study(STUDY)) == 3


def test_metadata_is_the_data_set(client: DICOMwebClient) -> None:
    found = client.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.1")
    expected = pydicom.dcmread(io.BytesIO(ct(1)))
    assert pydicom.Dataset.from_json(
        {tag: element for tag, element in found.items() if tag not in ("7FE00010", "00083002")}
    ) == _without(expected, "PixelData")
    assert len(client.retrieve_series_metadata(STUDY, SERIES)) == 3
    assert len(client.retrieve_study_metadata(STUDY)) == 3


def test_bulk_data_uris_resolve(client: DICOMwebClient) -> None:
    found = client.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.2")
    (data,) = client.retrieve_bulkdata(found["7FE00010"]["BulkDataURI"])
    assert data == pydicom.dcmread(io.BytesIO(ct(2))).PixelData


def test_frames_are_the_pixels(client: DICOMwebClient) -> None:
    (frame,) = client.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.3", [1])
    assert frame == pydicom.dcmread(io.BytesIO(ct(3))).PixelData


def test_rendered_is_a_picture(client: DICOMwebClient) -> None:
    from PIL import Image

    for media in ("image/jpeg", "image/png"):
        data = client.retrieve_instance_rendered(STUDY, SERIES, f"{SERIES}.1", media_types=(media,))
        picture = Image.open(io.BytesIO(data))
        assert picture.size == (32, 32)
        assert np.asarray(picture).std() > 20
    small = client.retrieve_instance_rendered(
        STUDY, SERIES, f"{SERIES}.1", media_types=("image/png",), params={"viewport": "16,16"}
    )
    assert Image.open(io.BytesIO(small)).size == (16, 16)


def _without(dataset: pydicom.Dataset, keyword: str) -> pydicom.Dataset:
    del dataset[keyword]
    return dataset


def shipped(archive: Archive) -> Iterator[tuple[str, bytes]]:
    """pydicom's files that the archive takes, under their SOP Instance UIDs."""
    for path in sorted(SHIPPED.rglob("*.dcm")):
        data = path.read_bytes()
        try:
            yield archive.store(io.BytesIO(data)).uid, data
        except MedarchiveError:
            continue


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
def test_every_file_of_pydicom_comes_back(archive: Archive, live: Any) -> None:
    client = connected(live)
    stored = dict(shipped(archive))
    assert len(stored) > 35
    found = client.search_for_instances(get_remaining=True)
    assert {each["00080018"]["Value"][0] for each in found} == set(stored)
    for each in found:
        if any("Value" not in each[tag] for tag in ("0020000D", "0020000E")):
            continue  # it has no address
        study, series, uid = (each[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
        metadata = client.retrieve_instance_metadata(study, series, uid)
        expected = pydicom.dcmread(io.BytesIO(stored[uid]))
        assert metadata["00080018"]["Value"] == [expected.SOPInstanceUID]
        got = live_bytes(client, each["00081190"]["Value"][0])
        kept = each["00083002"]["Value"][0]
        if kept not in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2"):
            assert got == stored[uid], uid
        else:
            assert pydicom.dcmread(io.BytesIO(got)).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        if "PixelData" in expected and "7FE00010" in metadata:
            said = metadata.get("00280008", {}).get("Value", [1])[0]
            count = said if isinstance(said, int) else 1
            compare_frames(client, (study, series, uid), expected, count)
            if isinstance(said, int) and expected.BitsAllocated > 1 and kept in (*DECODED, *NATIVE):
                compare_decoded(client, archive, (study, series, uid), count)


def compare_decoded(client: DICOMwebClient, archive: Archive, names: tuple[str, str, str], count: int) -> None:
    """Decoded frames against the object in Explicit VR Little Endian; one whose codestream is damaged is 406."""
    try:
        with archive.load(names[2], transfer_syntax="1.2.840.10008.1.2.1") as file:
            pixels = pydicom.dcmread(file).PixelData
    except CannotTranscode:
        with pytest.raises(HTTPError, match="406"):
            client.retrieve_instance_frames(*names, [1], (OCTETS,))
        return
    decoded = b"".join(client.retrieve_instance_frames(*names, list(range(1, count + 1)), (OCTETS,)))
    assert decoded == pixels[: len(decoded)]
    assert len(pixels) - len(decoded) <= 1


def live_bytes(client: DICOMwebClient, url: str) -> bytes:
    answer = client._session.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert answer.status_code == 200, (url, answer.text)
    assert len(answer.content) == int(answer.headers["Content-Length"])
    return bytes(answer.content)


def compare_frames(client: DICOMwebClient, names: tuple[str, str, str], expected: pydicom.Dataset, count: int) -> None:
    """As they are stored, against pydicom."""
    stored = client.retrieve_instance_frames(*names, list(range(1, count + 1)), media_types=(_any(),))
    syntax = expected.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        assert stored == [
            bytes(frame) for frame in pydicom.encaps.generate_frames(expected.PixelData, number_of_frames=count)
        ]
    elif not syntax.is_implicit_VR and syntax.is_little_endian and expected.BitsAllocated > 1:
        assert b"".join(stored) == expected.PixelData[: len(b"".join(stored))]


def _any() -> tuple[str, str]:
    return ("application/octet-stream", "*")
