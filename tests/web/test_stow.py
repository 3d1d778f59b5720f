"""STOW-RS: what is answered as stored is stored, and nothing else is answered as stored (PS3.18 10.5)."""

import base64
import io
import json
from typing import Any

import pydicom
import pytest
from django.test import Client

from contracts.objects import SHIPPED, ct
from medarchive.archive.archive import Archive
from medarchive.errors import ArchiveBusy
from medarchive.settings import Settings

RELATED = 'multipart/related; type="application/dicom"; boundary=b0und'
DESCRIBED = 'multipart/related; type="application/dicom+json"; boundary=b0und'


def related(*contents: bytes, kind: str = "application/dicom", end: bytes = b"\r\n--b0und--") -> bytes:
    return b"".join(b"\r\n--b0und\r\nContent-Type: %s\r\n\r\n%s" % (kind.encode(), one) for one in contents) + end


def post(client: Any, body: bytes, kind: str = RELATED, study: str = "", **headers: str) -> Any:
    return client.post(f"/dicom-web/studies{study and '/' + study}", body, content_type=kind, headers=headers)


def items(answer: Any, tag: str) -> list[dict[str, Any]]:
    return answer.json().get(tag, {}).get("Value", [])  # type: ignore[no-any-return]


def uids(answer: Any, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in items(answer, tag)]


def reasons(answer: Any, tag: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in items(answer, tag)]


def test_objects_are_stored_as_they_came(archive: Archive, member: Any) -> None:
    files = [ct(number) for number in range(1, 70)]
    answer = post(member.browser("clinician"), related(*files))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")
    assert uids(answer, "00081199") == [f"1.2.3.1.1.{number}" for number in range(1, 70)]
    assert "00081198" not in answer.json()
    root = "http://testserver/dicom-web/studies/1.2.3.1"
    assert answer.json()["00081190"]["Value"] == [root]
    first = items(answer, "00081199")[0]
    assert first["00081190"]["Value"] == [f"{root}/series/1.2.3.1.1/instances/1.2.3.1.1.1"]
    for number, file in enumerate(files, 1):
        with archive.load(f"1.2.3.1.1.{number}") as kept:
            assert kept.read() == file
    assert archive.instance("1.2.3.1.1.1").source == "WEB"


def test_again_is_success(member: Any) -> None:
    browser = member.browser("clinician")
    assert [post(browser, related(ct(1))).status_code for _ in range(2)] == [200, 200]


def test_some_is_202_and_none_is_409(archive: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    post(browser, related(ct(1)))
    other = ct(1, PatientName="Somebody^Else")
    answer = post(browser, related(ct(2), other, b"no DICOM"))
    assert answer.status_code == 202
    assert uids(answer, "00081199") == ["1.2.3.1.1.2"]
    assert (uids(answer, "00081198"), reasons(answer)) == (["1.2.3.1.1.1"], [0x0111])
    assert reasons(answer, "0008119A") == [0xC000]
    none = post(browser, related(other))
    assert none.status_code == 409
    assert "00081199" not in none.json()
    with archive.load("1.2.3.1.1.1") as kept:
        assert kept.read() == ct(1)


def test_one_object_alone(archive: Archive, member: Any) -> None:
    answer = post(member.browser("clinician"), ct(1), "application/dicom")
    assert answer.status_code == 200
    assert archive.instance("1.2.3.1.1.1").size == len(ct(1))


def test_an_object_of_another_study_is_refused(archive: Archive, member: Any) -> None:
    answer = post(member.browser("clinician"), related(ct(1), ct(2, study="1.9", series="1.9.1")), study="1.2.3.1")
    assert (answer.status_code, reasons(answer)) == (202, [0xA900])
    assert uids(answer, "00081198") == ["1.9.1.2"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"--b0und--", RELATED, 400),
        (related(ct(1)), "multipart/related; type=application/dicom", 400),
        (related(ct(1)), "multipart/related; boundary=other", 400),
        (related(ct(1), end=b""), RELATED, 400),
        (related(ct(1)), "multipart/form-data; boundary=b0und", 415),
        (related(ct(1)), 'multipart/related; type="application/dicom+xml"; boundary=b0und', 415),
        (b"<a/>", "application/dicom+xml", 415),
        (b"abc", "text/plain", 415),
        (related(b"{", kind="application/dicom+json"), DESCRIBED, 400),
        (related(b"[1]", kind="application/dicom+json"), DESCRIBED, 400),
        (related(b"[" * 100_000, kind="application/dicom+json"), DESCRIBED, 400),
        (b"[]", "application/dicom+json", 400),
        (related(b"[{}]", kind="application/dicom+json"), DESCRIBED, 409),
        (related(ct(1), kind="text/plain"), RELATED, 409),
        (related(b""), RELATED, 409),
    ],
)
def test_what_is_no_request_stores_nothing(archive: Archive, member: Any, body: bytes, kind: str, status: int) -> None:
    assert post(member.browser("clinician"), body, kind).status_code == status
    assert archive.stats().instances == 0


def test_a_study_that_is_no_uid_is_refused(member: Any) -> None:
    assert post(member.browser("clinician"), related(ct(1)), study="..%2Fx").status_code in (400, 404)


def test_what_came_before_a_body_broke_off_is_stored_and_said(archive: Archive, member: Any) -> None:
    answer = post(member.browser("clinician"), related(ct(1), ct(2), end=b"")[:-10])
    assert answer.status_code == 202
    assert uids(answer, "00081199") == ["1.2.3.1.1.1"]
    assert reasons(answer, "0008119A") == [0xC000]
    assert [one.uid for one in archive.instances(pydicom_level(), ["1.2.3.1"])] == ["1.2.3.1.1.1"]


def pydicom_level() -> Any:
    from medarchive.dicom.query import Level

    return Level.STUDY


def test_an_answer_in_another_form_cannot_be_had(member: Any) -> None:
    answer = post(member.browser("clinician"), related(ct(1)), accept="application/dicom+xml")
    assert answer.status_code == 406


def test_an_object_that_is_too_large_fails_alone(member: Any, archive: Archive) -> None:
    archive.settings = archive.settings.changed(max_object_bytes=5000)
    answer = post(member.browser("clinician"), related(ct(1), ct(2, size=64)))
    assert (answer.status_code, reasons(answer, "0008119A")) == (202, [0xA700])
    assert uids(answer, "00081199") == ["1.2.3.1.1.1"]


def test_a_busy_archive_asks_to_come_again(member: Any, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "store_all", lambda offers: [ArchiveBusy("the disk is full") for _ in offers])
    answer = post(member.browser("clinician"), related(ct(1)))
    assert (answer.status_code, answer["Retry-After"], reasons(answer)) == (503, "5", [0xA700])


def metadata(file: bytes, **changes: Any) -> list[dict[str, Any]]:
    dataset = pydicom.dcmread(io.BytesIO(file))
    found = dataset.to_json_dict(bulk_data_threshold=100, bulk_data_element_handler=lambda _: "bulk/1")
    return [found | changes]


def described(objects: list[dict[str, Any]], *bulks: tuple[str, str, bytes]) -> bytes:
    parts = b"--b0und\r\nContent-Type: application/dicom+json\r\n\r\n" + json.dumps(objects).encode()
    for location, kind, data in bulks:
        parts += f"\r\n--b0und\r\nContent-Type: {kind}\r\nContent-Location: {location}\r\n\r\n".encode() + data
    return parts + b"\r\n--b0und--"


def test_metadata_and_bulk_data_are_one_object(archive: Archive, member: Any) -> None:
    source = pydicom.dcmread(io.BytesIO(ct(1, PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")))
    body = described(
        metadata(ct(1, PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")),
        ("bulk/1", "application/octet-stream", source.PixelData),
    )
    answer = post(member.browser("clinician"), body, DESCRIBED)
    assert (answer.status_code, uids(answer, "00081199")) == (200, ["1.2.3.1.1.1"]), answer.content
    with archive.load("1.2.3.1.1.1") as kept:
        stored = pydicom.dcmread(kept)
    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert {element.tag for element in stored} >= {element.tag for element in source}
    assert (stored.PixelData, stored.PatientName) == (source.PixelData, source.PatientName)


def test_compressed_pixel_data_keep_their_transfer_syntax(archive: Archive, member: Any) -> None:
    source = pydicom.dcmread(SHIPPED / "JPEG2000.dcm")
    (frame,) = pydicom.encaps.generate_frames(source.PixelData, number_of_frames=1)
    objects = metadata((SHIPPED / "JPEG2000.dcm").read_bytes())
    objects[0]["7FE00010"] = {"vr": "OB", "BulkDataURI": "bulk/pixels"}
    for tag, element in objects[0].items():
        if tag != "7FE00010" and "BulkDataURI" in element:
            objects[0][tag] = {"vr": element["vr"], "InlineBinary": base64.b64encode(b"12").decode()}
    kind = f"image/jp2; transfer-syntax={source.file_meta.TransferSyntaxUID}"
    answer = post(member.browser("clinician"), described(objects, ("bulk/pixels", kind, frame)), DESCRIBED)
    assert answer.status_code == 200, answer.content
    with archive.load(str(source.SOPInstanceUID)) as kept:
        stored = pydicom.dcmread(kept)
    assert stored.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
    assert (stored.pixel_array == source.pixel_array).all()


def test_bulk_data_that_did_not_come_refuse_their_object_alone(archive: Archive, member: Any) -> None:
    pixels = pydicom.dcmread(io.BytesIO(ct(1))).PixelData
    second = metadata(ct(2))[0]
    second["7FE00010"]["BulkDataURI"] = "bulk/2"
    body = described([*metadata(ct(1)), second], ("bulk/1", "application/octet-stream", pixels))
    answer = post(member.browser("clinician"), body, DESCRIBED)
    assert (answer.status_code, uids(answer, "00081199")) == (202, ["1.2.3.1.1.1"])
    assert "bulk/2" in items(answer, "0008119A")[0]["00000902"]["Value"][0]


def test_who_may_not_upload_cannot(member: Any, archive: Archive) -> None:
    assert post(Client(), related(ct(1))).status_code == 401
    assert post(member.browser("viewer"), related(ct(1))).status_code == 403
    assert archive.stats().instances == 0


def test_a_session_needs_the_token_against_forged_requests(member: Any, archive: Archive) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member("clinician"), "allauth.account.auth_backends.AuthenticationBackend")
    assert post(browser, related(ct(1))).status_code == 403
    browser.get("/upload/")
    token = browser.cookies["csrftoken"].value
    assert post(browser, related(ct(1)), **{"X-CSRFToken": token}).status_code == 200


class TestRestrictedSight:
    def test_a_new_study_is_shared_with_who_brought_it(self, member: Any, archive: Archive) -> None:
        browser = member.browser("clinician", sees="shared")
        assert post(browser, related(ct(1))).status_code == 200
        assert post(browser, related(ct(2))).status_code == 200
        assert b"1.2.3.1" not in member.browser("viewer", sees="shared").get("/studies/").content
        from medarchive.web.accounts.models import SharedStudy

        assert [(one.user.username, one.study_uid, one.by) for one in SharedStudy.objects.all()] == [
            ("clinician", "1.2.3.1", "clinician")
        ]

    def test_a_study_that_it_does_not_see_takes_nothing(self, member: Any, archive: Archive) -> None:
        archive.store(io.BytesIO(ct(1)), source="CT1")
        answer = post(member.browser("clinician", sees="shared"), related(ct(2), ct(1)))
        assert (answer.status_code, reasons(answer)) == (409, [0x0124, 0x0124])
        assert [item["00000902"]["Value"][0] for item in items(answer, "00081198")] == ["no right to this study"] * 2
        assert archive.stats().instances == 1

    def test_a_uid_that_is_taken_there_says_no_more(self, member: Any, archive: Archive) -> None:
        """The same SOP Instance UID in a study of its own: a conflict would say that there is such an instance."""
        archive.store(io.BytesIO(ct(1)), source="CT1")
        claimed = ct(1, uid="1.2.3.1.1.1", study="1.5", series="1.5.1")
        answer = post(member.browser("clinician", sees="shared"), related(claimed))
        assert (answer.status_code, reasons(answer)) == (409, [0x0124])

    def test_a_department_adds_to_its_studies(self, member: Any, archive: Archive) -> None:
        from medarchive.web.accounts.models import Department

        archive.store(io.BytesIO(ct(1)), source="CT1")
        browser = member.browser("clinician", sees="departments")
        department = Department.objects.create(name="Radiology", ae_titles="CT1")
        from medarchive.web.accounts.models import User

        User.objects.get(username="clinician").departments.add(department)
        assert post(browser, related(ct(2))).status_code == 200
        answer = post(browser, related(ct(9, study="1.7", series="1.7.1")))
        assert answer.status_code == 200


def test_the_record_says_what_came_by_study(member: Any, archive: Archive) -> None:
    archive.store(io.BytesIO(ct(1, study="1.8", series="1.8.1")), source="CT1")
    browser = member.browser("clinician", sees="shared")
    post(browser, related(ct(1), ct(2), b"junk", ct(2, study="1.8", series="1.8.1")))
    events = {one.object: one for one in archive.audit.events(equal={"action": "upload"})}
    assert {uid: (one.who, one.outcome, json.loads(one.detail)) for uid, one in events.items()} == {
        "1.2.3.1": ("clinician", "success", {"stored": 2}),
        "1.8": ("clinician", "refused", {"no right": 1}),
        "": ("clinician", "failed", {"refused": 1}),
    }
    assert all(one.origin == "127.0.0.1" for one in events.values())


def test_nothing_is_left_in_the_folder_for_what_comes_in(member: Any, archive: Archive, tmp_path: Any) -> None:
    post(member.browser("clinician"), related(*(ct(number, size=1024) for number in range(1, 4)), end=b""))
    assert list(archive.incoming().iterdir()) == []
    assert Settings(archive=tmp_path).max_object_bytes > 0
