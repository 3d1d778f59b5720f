"""dicomweb-client stores over the wire, with an API token; what is kept is what it sent."""

import io
from typing import Any

import httpx
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session

from contracts.objects import SHIPPED, ct
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Level
from web.live import running

NAMES = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "SC_rgb_rle.dcm", "reportsi.dcm", "rtplan.dcm"]


def token(user: Any, scope: str = "write") -> str:
    from medarchive.web.accounts.models import Token

    return str(Token.issue(user, "scanner", scope)[1])


def client(address: str, text: str) -> DICOMwebClient:
    session = create_session()
    session.headers["Authorization"] = f"Bearer {text}"
    return DICOMwebClient(f"{address}/dicom-web", session=session)


def test_instances_are_stored_as_the_client_wrote_them(archive: Archive, member: Any) -> None:
    sets = [pydicom.dcmread(SHIPPED / name) for name in NAMES] + [pydicom.dcmread(io.BytesIO(ct(1)))]
    with running(archive) as address:
        answer = client(address, token(member("archivist"))).store_instances(sets)
    stored = [str(item.ReferencedSOPInstanceUID) for item in answer.ReferencedSOPSequence]
    assert stored == [str(one.SOPInstanceUID) for one in sets]
    assert "FailedSOPSequence" not in answer
    for one in sets:
        out = io.BytesIO()
        pydicom.dcmwrite(out, one)
        with archive.load(str(one.SOPInstanceUID)) as kept:
            assert kept.read() == out.getvalue()


def test_the_client_hears_what_was_refused(archive: Archive, member: Any) -> None:
    sets = [pydicom.dcmread(io.BytesIO(file)) for file in (ct(1), ct(1, PatientName="Other"), ct(2, study="1.5"))]
    with running(archive) as address:
        answer = client(address, token(member("archivist"))).store_instances(sets, study_instance_uid="1.2.3.1")
    assert [int(item.FailureReason) for item in answer.FailedSOPSequence] == [0x0111, 0xA900]
    assert [str(item.ReferencedSOPInstanceUID) for item in answer.ReferencedSOPSequence] == ["1.2.3.1.1.1"]


@pytest.mark.parametrize(("role", "scope"), [("archivist", "read"), ("viewer", "write")])
def test_a_token_stores_only_where_it_may(archive: Archive, member: Any, role: str, scope: str) -> None:
    text = token(member(role), scope)
    with running(archive) as address, pytest.raises(Exception, match="403"):
        client(address, text).store_instances([pydicom.dcmread(io.BytesIO(ct(1)))])
    assert archive.stats().instances == 0


def test_a_forged_token_stores_nothing(archive: Archive) -> None:
    with running(archive) as address:
        headers = {"Authorization": "Bearer mda_nothing", "Content-Type": "application/dicom"}
        assert httpx.post(f"{address}/dicom-web/studies", content=ct(1), headers=headers).status_code == 401
    assert list(archive.instances(Level.STUDY, ["1.2.3.1"])) == []
