"""DICOMweb for reading: who may see what, what is refused, and that nothing a client sends is a fault of ours."""

import io
from typing import Any
from urllib.parse import quote

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.objects import SHIPPED, ct
from medarchive.archive.archive import Archive
from web.streamed import streamed

ROOT = "/dicom-web"
INSTANCE = f"{ROOT}/studies/1.2.3.1/series/1.2.3.1.1/instances/1.2.3.1.1.1"
READING = (
    f"{ROOT}/studies/1.2.3.1",
    f"{ROOT}/studies/1.2.3.1/metadata",
    f"{ROOT}/studies/1.2.3.1/series",
    f"{ROOT}/studies/1.2.3.1/instances",
    f"{ROOT}/studies/1.2.3.1/rendered",
    f"{ROOT}/studies/1.2.3.1/thumbnail",
    f"{ROOT}/studies/1.2.3.1/series/1.2.3.1.1",
    f"{ROOT}/studies/1.2.3.1/series/1.2.3.1.1/metadata",
    f"{ROOT}/studies/1.2.3.1/series/1.2.3.1.1/instances",
    f"{ROOT}/studies/1.2.3.1/series/1.2.3.1.1/rendered",
    INSTANCE,
    f"{INSTANCE}/metadata",
    f"{INSTANCE}/rendered",
    f"{INSTANCE}/thumbnail",
    f"{INSTANCE}/frames/1",
    f"{INSTANCE}/frames/1/rendered",
    f"{INSTANCE}/bulkdata/7FE00010",
)
LEAKS = (b"Test^Person", b"P1", b"1.2.3.1.1.1")


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number in range(1, 4):
        archive.store(io.BytesIO(ct(number)), source="CT1")
    archive.store(
        io.BytesIO(ct(1, study="1.2.9", series="1.2.9.1", patient="P9", PatientName="Seen^Only")), source="CT2"
    )
    return archive


def body(answer: Any) -> bytes:
    """All of an answer, streamed or not."""
    return streamed(answer) if answer.streaming else bytes(answer.content)


@pytest.mark.parametrize("path", READING)
def test_every_resource_has_an_answer(filled: Archive, member: Any, path: str) -> None:
    answer = member.browser("viewer").get(path, headers={"Accept": "*/*"})
    assert (answer.status_code, bool(body(answer))) == (200, True)


@pytest.mark.parametrize("path", [*READING, f"{ROOT}/studies", f"{ROOT}/series", f"{ROOT}/instances"])
def test_strangers_are_asked_who_they_are(filled: Archive, path: str) -> None:
    from django.test import Client

    answer = Client().get(path)
    assert answer.status_code == 401
    assert "Bearer" in answer["WWW-Authenticate"]
    assert not any(word in body(answer) for word in LEAKS)


@pytest.mark.parametrize("path", READING)
def test_what_an_account_may_not_see_is_not_there(filled: Archive, member: Any, path: str) -> None:
    answer = shared(member, "1.2.9").get(path, headers={"Accept": "*/*"})
    assert answer.status_code in (204, 404)
    assert b"Test^Person" not in body(answer)


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_searches_find_what_the_account_may_see(filled: Archive, member: Any, level: str) -> None:
    found = shared(member, "1.2.9").get(f"{ROOT}/{level}", headers={"Accept": "application/dicom+json"}).json()
    assert [each["0020000D"]["Value"] for each in found] == [["1.2.9"]]


def test_a_department_sees_what_its_modalities_sent(filled: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import Department, User

    browser = member.browser("viewer", sees="departments", name="radiology")
    department = Department.objects.create(name="CT room", ae_titles="CT1, CT7")
    User.objects.get(username="radiology").departments.add(department)
    found = browser.get(f"{ROOT}/studies").json()
    assert [each["0020000D"]["Value"] for each in found] == [["1.2.3.1"]]


def shared(member: Any, *studies: str) -> Any:
    from medarchive.web.accounts.models import SharedStudy, User

    browser = member.browser("viewer", sees="shared", name="restricted")
    for study in studies:
        SharedStudy.objects.create(user=User.objects.get(username="restricted"), study_uid=study, by="test")
    return browser


def test_an_instance_of_another_study_is_not_there(filled: Archive, member: Any) -> None:
    crossed = INSTANCE.replace("studies/1.2.3.1", "studies/1.2.9")
    assert member.browser("viewer").get(crossed).status_code == 404


def test_bytes_of_an_instance_and_a_range_of_them(filled: Archive, member: Any) -> None:
    browser = member.browser("viewer")
    accept = {"Accept": "application/dicom; transfer-syntax=*"}
    whole = body(browser.get(INSTANCE, headers=accept))
    assert whole == ct(1)
    part = browser.get(INSTANCE, headers={**accept, "Range": "bytes=128-131"})
    assert (part.status_code, body(part)) == (206, b"DICM")
    assert browser.get(INSTANCE, headers={**accept, "Range": f"bytes={len(whole) + 5}-"}).status_code == 416


@pytest.mark.parametrize(
    ("syntax", "media"),
    [
        ("1.2.840.10008.1.2.4.80", "image/jls"),
        ("1.2.840.10008.1.2.4.90", "image/jp2"),
        ("1.2.840.10008.1.2.4.201", "image/jphc"),
        ("1.2.840.10008.1.2.4.110", "image/jxl"),
        ("1.2.840.10008.1.2.5", "image/dicom-rle"),
    ],
)
def test_other_transfer_syntaxes(filled: Archive, member: Any, syntax: str, media: str) -> None:
    browser = member.browser("viewer")
    data = body(browser.get(INSTANCE, headers={"Accept": f"application/dicom; transfer-syntax={syntax}"}))
    assert pydicom.dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == syntax
    frame = browser.get(f"{INSTANCE}/frames/1", headers={"Accept": f"{media}; transfer-syntax={syntax}"})
    assert frame.status_code == 200
    assert frame["Content-Type"].startswith(media)


def test_implicit_and_big_endian_never_leave(archive: Archive, member: Any) -> None:
    browser = member.browser("viewer")
    for name in ("MR_small_implicit.dcm", "MR_small_bigendian.dcm"):
        uid = archive.store(io.BytesIO((SHIPPED / name).read_bytes())).uid
        record = archive.instance(uid)
        path = f"{ROOT}/studies/{record.study_uid}/series/{record.series_uid}/instances/{uid}"
        data = body(browser.get(path, headers={"Accept": "application/dicom; transfer-syntax=*"}))
        assert pydicom.dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        archive.delete(uid)


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/dicom; transfer-syntax=1.2.3", "image/gif", 'multipart/related; type="text/xml"'],
)
def test_what_cannot_be_had_is_not_acceptable(filled: Archive, member: Any, accept: str) -> None:
    assert member.browser("viewer").get(INSTANCE, headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("PatientName=Test*", 200),
        ("00100010=test*", 200),
        ("PatientID=' OR 1=1 --", 204),
        ('StudyDate="; DROP TABLE study; --', 400),
        ("StudyDate=20240101-20240103", 200),
        ("StudyInstanceUID=1.2.3.1,1.2.9", 200),
        ("StudyInstanceUID=1.2.3.1\\1.2.9", 200),
        ("limit=1", 200),
        ("limit=-1", 400),
        ("limit=nan", 400),
        ("offset=9999999999999999999", 400),
        ("includefield=all", 200),
        ("includefield=00081030,StudyID", 200),
        ("fuzzymatching=true&PatientName=test", 200),
        ("Nonsense=1", 400),
    ],
)
def test_queries(filled: Archive, member: Any, query: str, status: int) -> None:
    assert member.browser("viewer").get(f"{ROOT}/studies?{query}").status_code == status


ANY = st.text(max_size=40)
_browser: list[Any] = []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*READING, f"{ROOT}/studies", f"{ROOT}/instances"]),
    st.lists(
        st.tuples(
            st.one_of(ANY, st.sampled_from(["limit", "window", "viewport", "PatientID", "accept", "quality"])), ANY
        )
    ),
    st.one_of(ANY, st.sampled_from(["*/*", "multipart/related", "image/jpeg;q=0.5", ";;;", "a/b;q=x"])),
    st.one_of(st.just(""), ANY, st.just("bytes=-5"), st.just("bytes=5-2,7-")),
    st.one_of(st.just(""), ANY),
)
def test_nothing_a_client_sends_is_a_fault_of_ours(
    filled: Archive, member: Any, path: str, query: list[tuple[str, str]], accept: str, span: str, more: str
) -> None:
    if not _browser or here_changed(filled):
        _browser[:] = [filled, member.browser("viewer", name="fuzz")]
    asked = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    headers = {"Accept": accept.encode("latin-1", "replace").decode("latin-1").replace("\n", "").replace("\r", "")}
    if span:
        headers["Range"] = span.encode("latin-1", "replace").decode("latin-1").replace("\n", "").replace("\r", "")
    answer = _browser[1].get(f"{path}{quote(more)}?{asked}", headers=headers)
    body(answer)
    assert answer.status_code < 500


def here_changed(archive: Archive) -> bool:
    return _browser[0] is not archive
