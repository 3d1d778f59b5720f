"""Worklist, study, series, downloads, deletion: what people see, and what they do not."""

import io
import json
import re
import zipfile
from typing import Any

import pydicom
import pytest

from contracts.objects import SHIPPED, ct, part10
from medarchive.archive.archive import Archive
from web.streamed import streamed

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
STUDY, SERIES = "1.2.3.1", "1.2.3.1.1"


def put(archive: Archive, *files: bytes, source: str = "") -> None:
    for file in files:
        archive.store(io.BytesIO(file), source=source)


def audited(archive: Archive, action: str) -> list[tuple[str, str, str]]:
    return [(each.who, each.object, each.outcome) for each in archive.audit.events(equal={"action": action})]


def table(first: int, entries: list[int], bits: int) -> pydicom.Dataset:
    """An item of a LUT sequence."""
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return item


ADDRESSES = {
    "study": f"/studies/{STUDY}/",
    "download-study": f"/studies/{STUDY}/download/",
    "delete-study": f"/studies/{STUDY}/delete/",
    "series": f"/series/{SERIES}/",
    "series-frames": f"/series/{SERIES}/frames/",
    "download-series": f"/series/{SERIES}/download/",
    "delete-series": f"/series/{SERIES}/delete/",
    "instance": f"/instances/{SERIES}.1/",
    "frame": f"/instances/{SERIES}.1/frames/0/",
    "thumbnail": f"/instances/{SERIES}.1/thumbnail/0/",
    "lookup-tables": f"/instances/{SERIES}.1/tables/",
    "attributes": f"/instances/{SERIES}.1/attributes/",
    "document": f"/instances/{SERIES}.1/document/",
    "download-instance": f"/instances/{SERIES}.1/download/",
    "delete-instance": f"/instances/{SERIES}.1/delete/",
}
BARREN = {"lookup-tables", "document"}
"""Answer 404 of a CT slice for everybody: it has neither."""


def test_every_address_of_an_object_is_tried_here() -> None:
    from medarchive.web.pages.urls_images import urlpatterns

    assert {each.name for each in urlpatterns} - {"deleted", "bring-back"} == set(ADDRESSES)


@pytest.mark.parametrize("name", ADDRESSES)
def test_what_an_account_may_not_see_is_not_there(archive: Archive, member: Any, name: str) -> None:
    put(archive, ct(1))
    assert member.browser("archivist").get(ADDRESSES[name]).status_code == (404 if name in BARREN else 200)
    blind = member.browser("archivist", sees="shared", name="blind")
    assert blind.get(ADDRESSES[name]).status_code == 404
    assert blind.post(ADDRESSES[name]).status_code in (404, 405)
    assert archive.instance(f"{SERIES}.1").uid


@pytest.mark.parametrize("name", sorted(set(ADDRESSES) - BARREN - {each for each in ADDRESSES if "delete" in each}))
def test_a_shared_study_is_there(archive: Archive, member: Any, name: str) -> None:
    put(archive, ct(1))
    account = member("viewer", sees="shared")
    account.shared.create(study_uid=STUDY, by="anna")
    from django.test import Client

    client = Client()
    client.force_login(account, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(ADDRESSES[name]).status_code == 200


@pytest.mark.parametrize("what", ["delete-study", "delete-series", "delete-instance"])
@pytest.mark.parametrize("role", ["viewer", "clinician"])
def test_who_may_not_delete_does_not(archive: Archive, member: Any, role: str, what: str) -> None:
    put(archive, ct(1))
    browser = member.browser(role)
    assert browser.get(ADDRESSES[what]).status_code == 403
    assert browser.post(ADDRESSES[what], {"count": "1"}).status_code == 403
    assert archive.instance(f"{SERIES}.1").uid
    assert audited(archive, "refused") == [(role, ADDRESSES[what], "refused")] * 2


def test_a_series_uid_that_two_studies_use_shows_the_one_that_may_be_seen(archive: Archive, member: Any) -> None:
    put(archive, ct(1), ct(2, study="1.2.3.9"))
    account = member("viewer", sees="shared")
    account.shared.create(study_uid=STUDY, by="anna")
    from django.test import Client

    client = Client()
    client.force_login(account, "allauth.account.auth_backends.AuthenticationBackend")
    frames = client.get(ADDRESSES["series-frames"]).json()["frames"]
    assert [each[0] for each in frames] == [f"{SERIES}.1"]
    with zipfile.ZipFile(io.BytesIO(streamed(client.get(ADDRESSES["download-series"])))) as zipped:
        assert len(zipped.namelist()) == 1


class TestWorklist:
    @pytest.fixture
    def browser(self, archive: Archive, member: Any) -> Any:
        put(
            archive,
            ct(1, study="1.1", series="1.1.1", patient="A1", PatientName="DOE^JANE", StudyDescription="CT CHEST"),
            ct(1, study="1.2", series="1.2.1", patient="b2", PatientName="Roe^Richard", StudyDate="20230506"),
            ct(1, study="1.3", series="1.3.1", patient="C3", PatientName="Müller^Änne", AccessionNumber="ACC-77"),
        )
        return member.browser("viewer")

    def shown(self, browser: Any, **asked: str) -> list[str]:
        answer = browser.get("/studies/", asked)
        assert answer.status_code == 200
        return re.findall(r'data-href="/studies/([^/"]+)/"', answer.content.decode())

    @pytest.mark.parametrize(
        ("asked", "uids"),
        [
            ({"patient": "doe"}, ["1.1"]),
            ({"patient": "jane doe"}, ["1.1"]),
            ({"patient": "Doe, Jane"}, ["1.1"]),
            ({"patient": "B2"}, ["1.2"]),
            ({"patient": "müll"}, ["1.3"]),
            ({"patient": "r*rich"}, ["1.2"]),
            ({"patient": "*rich"}, ["1.2"]),
            ({"patient": "rich*"}, []),
            ({"patient": "roe*"}, ["1.2"]),
            ({"patient": "%"}, []),
            ({"patient": "' OR 1=1 --"}, []),
            ({"text": "chest"}, ["1.1"]),
            ({"text": "acc-77"}, ["1.3"]),
            ({"modality": "ct", "until": "2023-12-31"}, ["1.2"]),
            ({"since": "2024-01-01", "sort": "patient"}, ["1.1", "1.3"]),
            ({"since": "2024-01-01", "sort": "-patient"}, ["1.3", "1.1"]),
            ({"modality": "MR"}, []),
            ({"finding": "tumour"}, []),
        ],
    )
    def test_a_search_finds(self, browser: Any, asked: dict[str, str], uids: list[str]) -> None:
        assert self.shown(browser, **asked) == uids

    @pytest.mark.parametrize(
        "asked",
        [{"since": "yesterday"}, {"finding": "nonsense"}, {"finding": "tumour", "probability": "7"}],
    )
    def test_what_is_no_question_is_said(self, browser: Any, asked: dict[str, str]) -> None:
        answer = browser.get("/studies/", asked)
        assert (answer.status_code, b'role="alert"' in answer.content) == (400, True)

    @pytest.mark.parametrize("sort", ["patient", "id", "born", "date", "modality", "description", "images"])
    def test_it_is_sorted_by_every_column(self, browser: Any, sort: str) -> None:
        there, back = self.shown(browser, sort=sort), self.shown(browser, sort=f"-{sort}")
        assert sorted(there) == sorted(back) == ["1.1", "1.2", "1.3"]

    def test_a_search_is_noted_without_what_was_typed(self, browser: Any, archive: Archive) -> None:
        self.shown(browser, patient="doe")
        (event,) = archive.audit.events(equal={"action": "query"})
        assert event.who == "viewer"
        assert "doe" not in event.detail.lower()

    def test_it_has_pages(self, browser: Any, archive: Archive) -> None:
        put(archive, *(ct(1, study=f"2.{n}", series=f"2.{n}.1", size=8) for n in range(60)))
        first, last = self.shown(browser), self.shown(browser, page="2")
        assert (len(first), len(last)) == (50, 13)
        assert len({*first, *last}) == 63
        assert self.shown(browser, page="99") == last
        assert self.shown(browser, page="9" * 5000) == first


class TestHostileText:
    """Every DICOM string that is shown is text, and never markup."""

    @pytest.fixture
    def browser(self, archive: Archive, member: Any) -> Any:
        attributes: dict[str, Any] = dict.fromkeys(
            ("PatientName", "StudyDescription", "SeriesDescription", "InstitutionName", "AccessionNumber",
             "ReferringPhysicianName", "BodyPartExamined", "PatientSex", "ManufacturerModelName", "SeriesNumber"),
            HOSTILE,
        )  # fmt: skip
        attributes.pop("SeriesNumber")
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = ct(1, patient=HOSTILE, **attributes)
            dataset = pydicom.dcmread(io.BytesIO(file))
            block = dataset.private_block(0x0011, HOSTILE, create=True)
            block.add_new(1, "LT", HOSTILE)
            put(archive, part10(dataset), ct(1, study="1.2.3.2", series="1.2.3.2.1", patient=HOSTILE))
        return member.browser("administrator")

    @pytest.mark.parametrize("name", ["worklist", "study", "series", "instance", "delete-study", "delete-series"])
    def test_pages_escape_it(self, browser: Any, name: str) -> None:
        answer = browser.get("/studies/" if name == "worklist" else ADDRESSES[name])
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text

    def test_deleted_images_escape_it(self, browser: Any) -> None:
        browser.post(ADDRESSES["delete-study"], {"count": "1"})
        text = browser.get("/deleted/").content.decode()
        assert "alert(1)" in text
        assert "<script>alert" not in text

    def test_what_was_asked_for_is_escaped(self, browser: Any) -> None:
        text = browser.get("/studies/", {"patient": HOSTILE, "text": HOSTILE, "modality": HOSTILE}).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text

    def test_names_in_a_zip_are_plain(self, browser: Any) -> None:
        with zipfile.ZipFile(io.BytesIO(streamed(browser.get(ADDRESSES["download-study"])))) as zipped:
            (name,) = zipped.namelist()
        assert name.replace("/", "").replace(".", "").replace("-", "").isalnum()

    def test_json_is_no_page(self, browser: Any) -> None:
        answer = browser.get(ADDRESSES["attributes"])
        assert answer["Content-Type"] == "application/json"
        assert HOSTILE in [each["value"] for each in answer.json()["rows"]]


class TestWords:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("Doe^Jane^M^Dr^MD", "Doe, Jane M, Dr, MD"),
            ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
            ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
            ("^^=山田^太郎", "山田, 太郎"),
            ("", ""),
        ],
    )
    def test_a_person_has_a_name_in_whatever_group_there_is(self, configured: None, value: str, words: str) -> None:
        from medarchive.web.templatetags.dicom import person

        assert person(value) == words

    @pytest.mark.parametrize(
        ("number", "words"),
        [(0, "0 B"), (999, "999 B"), (1536, "1.54 kB"), (999_400, "999 kB"), (999_600, "1 MB"), (2.5e12, "2.5 TB")],
    )
    def test_bytes_have_three_digits(self, number: float, words: str) -> None:
        from medarchive.web.words import bytes_in_words

        assert bytes_in_words(number) == words


class TestDownloads:
    def test_a_study_comes_back_byte_for_byte(self, archive: Archive, member: Any) -> None:
        files = [ct(n, SeriesNumber="3", SeriesDescription="Axial / thin") for n in (1, 2)]
        files.append(ct(1, uid="9.9", series="1.2.3.1.2", SeriesNumber="3", SeriesDescription="Axial / thin"))
        files.append(ct(1, uid="9.8", series="1.2.3.1.2", SeriesNumber="3"))
        put(archive, *files)
        answer = member.browser("viewer").get(ADDRESSES["download-study"])
        assert answer["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(streamed(answer))) as zipped:
            assert zipped.testzip() is None
            assert sorted(zipped.namelist()) == [
                "3-CT-Axial-thin-2/0001-2.dcm",
                "3-CT-Axial-thin-2/0001.dcm",
                "3-CT-Axial-thin/0001.dcm",
                "3-CT-Axial-thin/0002.dcm",
            ]
            assert sorted(zipped.read(name) for name in zipped.namelist()) == sorted(files)
        assert audited(archive, "download") == [("viewer", STUDY, "success")]

    def test_an_object_comes_back_byte_for_byte(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        answer = member.browser("viewer").get(ADDRESSES["download-instance"])
        assert streamed(answer) == ct(1)
        assert int(answer["Content-Length"]) == len(ct(1))

    def test_what_is_not_sent_is_closed(self, archive: Archive, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        put(archive, ct(1))
        load, opened = archive.load, []

        def loaded(uid: str) -> Any:
            opened.append(load(uid))
            return opened[-1]

        monkeypatch.setattr(archive, "load", loaded)
        member.browser("viewer").get(ADDRESSES["download-instance"]).close()
        assert [file.closed for file in opened] == [True]

    def test_a_folder_has_a_name_whatever_its_series_has(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, SpecificCharacterSet="ISO_IR 192", Modality="", SeriesNumber="", SeriesDescription="胸部"))
        with zipfile.ZipFile(io.BytesIO(streamed(member.browser("viewer").get(ADDRESSES["download-study"])))) as zipped:
            assert zipped.namelist() == ["0/0001.dcm"]

    def test_a_broken_object_breaks_the_download_off(self, archive: Archive, member: Any) -> None:
        from medarchive.errors import BlobCorrupt, BlobMissing

        put(archive, ct(1))
        browser = member.browser("viewer")
        answer = browser.get(ADDRESSES["download-study"])
        for path in (archive.settings.archive / "blobs").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(b"not what it was")
        with pytest.raises((BlobCorrupt, BlobMissing)):
            streamed(answer)
        assert ("viewer", STUDY, "failed") in audited(archive, "download")


class TestDeletion:
    def test_a_study_goes_and_comes_back(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1), ct(2))
        browser = member.browser("archivist")
        page = browser.get(ADDRESSES["delete-study"])
        assert b"2 objects" in page.content
        assert browser.post(ADDRESSES["delete-study"], {"count": "2"})["Location"] == "/studies/"
        assert browser.get(ADDRESSES["study"]).status_code == 404
        assert SERIES in browser.get("/deleted/").content.decode()
        answer = browser.post("/deleted/back/", {"study": STUDY, "series": SERIES})
        assert answer["Location"] == "/deleted/"
        assert browser.get(ADDRESSES["study"]).status_code == 200
        assert archive.load(f"{SERIES}.2").read() == ct(2)
        assert [each[1] for each in audited(archive, "delete")] == [STUDY]
        assert [each[1] for each in audited(archive, "undelete")] == [SERIES]

    @pytest.mark.parametrize("path", ["/detect/", f"/detect/{SERIES}/", ADDRESSES["delete-study"], "/upload/"])
    def test_forms_answer_head_as_get(self, archive: Archive, member: Any, path: str) -> None:
        put(archive, ct(1))
        assert member.browser("archivist").head(path).status_code == 200
        assert archive.instance(f"{SERIES}.1").uid

    def test_what_came_meanwhile_is_not_deleted_unseen(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1), ct(2))
        browser = member.browser("archivist")
        assert browser.post(ADDRESSES["delete-study"], {"count": "1"}).status_code == 409
        assert archive.instance(f"{SERIES}.1").uid

    def test_one_image_goes_and_the_page_of_its_series_follows(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1), ct(2))
        answer = member.browser("archivist").post(ADDRESSES["delete-instance"], {"count": "1"})
        assert answer["Location"] == ADDRESSES["series"]

    def test_deleting_needs_the_token_of_the_form(self, archive: Archive, member: Any) -> None:
        from django.test import Client

        put(archive, ct(1))
        client = Client(enforce_csrf_checks=True)
        client.force_login(member("archivist"), "allauth.account.auth_backends.AuthenticationBackend")
        assert client.post(ADDRESSES["delete-study"], {"count": "1"}).status_code == 403

    def test_another_department_neither_sees_nor_brings_back_what_was_deleted(
        self, archive: Archive, member: Any
    ) -> None:
        put(archive, ct(1), source="CT1")
        archive.delete(f"{SERIES}.1")
        blind = member.browser("archivist", sees="shared")
        assert SERIES not in blind.get("/deleted/").content.decode()
        assert blind.post("/deleted/back/", {"study": STUDY, "series": SERIES}).status_code == 404


class TestVisits:
    def test_a_series_is_noted_once(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1), ct(2))
        browser = member.browser("viewer")
        for name in ("study", "thumbnail", "series", "series-frames", "frame", "frame", "attributes"):
            browser.get(ADDRESSES[name])
        assert audited(archive, "view") == [("viewer", SERIES, "success"), ("viewer", STUDY, "success")]

    def test_frames_without_their_page_are_noted(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        member.browser("viewer").get(ADDRESSES["frame"])
        assert audited(archive, "view") == [("viewer", SERIES, "success")]


class TestOddUids:
    """What is stored may have UIDs with a slash, which are in no address: pages leave such links out."""

    @pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
    def test_an_image_without_an_address_is_counted(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, SOPInstanceUID="1/6"))
        browser = member.browser("archivist")
        page = browser.get(ADDRESSES["study"])
        assert (page.status_code, b"1 image" in page.content) == (200, True)
        assert browser.get(ADDRESSES["series"]).status_code == 200

    @pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
    def test_deleting_leads_back_to_the_worklist(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, series="1/6", uid="9.1"), ct(2, series="1/6", uid="9.2"))
        answer = member.browser("archivist").post("/instances/9.1/delete/", {"count": "1"})
        assert (answer.status_code, answer["Location"]) == (302, "/studies/")


class TestOtherObjects:
    def test_a_report_is_a_page(self, archive: Archive, member: Any) -> None:
        file = (SHIPPED / "test-SR.dcm").read_bytes()
        put(archive, file)
        dataset = pydicom.dcmread(io.BytesIO(file))
        browser = member.browser("viewer")
        listed = browser.get(f"/series/{dataset.SeriesInstanceUID}/")
        assert b'data-testid="objects"' in listed.content
        page = browser.get(f"/instances/{dataset.SOPInstanceUID}/").content.decode()
        assert 'data-testid="report"' in page
        assert "OFFIS" in page

    def test_a_document_is_a_download_that_runs_nothing(self, archive: Archive, member: Any) -> None:
        dataset = pydicom.dcmread(io.BytesIO(ct(1)))
        for keyword in ("PixelData", "Rows", "Columns"):
            del dataset[keyword]
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.104.1", "DOC"
        dataset.MIMETypeOfEncapsulatedDocument, dataset.EncapsulatedDocument = "text/html", b"<script>alert(1)</script>"
        put(archive, part10(dataset))
        answer = member.browser("viewer").get(ADDRESSES["document"])
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer.content.startswith(b"<script>")

    def test_an_empty_document_is_none(self, archive: Archive, member: Any) -> None:
        dataset = pydicom.dcmread(io.BytesIO(ct(1)))
        for keyword in ("PixelData", "Rows", "Columns"):
            del dataset[keyword]
        dataset.EncapsulatedDocument = b""
        put(archive, part10(dataset))
        browser = member.browser("viewer")
        assert browser.get(ADDRESSES["document"]).status_code == 404
        assert b"download-document" not in browser.get(ADDRESSES["instance"]).content

    def test_an_image_s_page_leads_to_its_reading(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        page = member.browser("clinician").get(ADDRESSES["instance"]).content.decode()
        for path in (f"/detect/{SERIES}.1/", f"/results/instance/{SERIES}.1/", f"/similar/{SERIES}.1/"):
            assert f'href="{path}' in page, path

    def test_every_shipped_object_has_its_pages(self, archive: Archive, member: Any) -> None:
        import warnings

        from medarchive.errors import MedarchiveError

        browser = member.browser("viewer")
        stored = set()
        for path in sorted(SHIPPED.glob("*.dcm")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    stored.add(archive.store(io.BytesIO(path.read_bytes())).uid)
                except MedarchiveError:
                    continue
        assert len(stored) > 30
        for uid in sorted(stored):
            record = archive.instance(uid)
            assert browser.get(f"/instances/{uid}/").status_code == 200, uid
            assert browser.get(f"/instances/{uid}/thumbnail/0/").status_code == 200, uid
            assert browser.get(f"/instances/{uid}/frames/0/").status_code in (200, 400, 404), uid
            if record.series_uid:
                assert browser.get(f"/series/{record.series_uid}/").status_code == 200, uid
                assert json.loads(browser.get(f"/series/{record.series_uid}/frames/").content)["looks"] is not None


class TestFailures:
    def test_no_such_frame_is_said_to_scripts_as_json(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        path = ADDRESSES["frame"].replace("/0/", "/7/")
        answer = member.browser("viewer").get(path, headers={"Sec-Fetch-Dest": "empty"})
        assert answer.status_code == 404
        assert "no frame 7" in answer.json()["error"]

    def test_and_to_people_as_a_page(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        answer = member.browser("viewer").get(ADDRESSES["frame"].replace("/0/", "/7/"))
        assert (answer.status_code, answer["Content-Type"][:9]) == (404, "text/html")


class TestPixels:
    def test_stored_values_come_as_they_are(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, RescaleSlope="2", RescaleIntercept="-1024", PixelSpacing=["0.5", "0.7"]))
        browser = member.browser("viewer")
        described = browser.get(ADDRESSES["series-frames"]).json()
        (frame,), (look,) = described["frames"], described["looks"]
        assert (look["slope"], look["intercept"], look["unit"]) == (2, -1024, "HU")
        assert (look["spacing"], look["measured"]) == ([0.5, 0.7], "patient")
        answer = browser.get(f"{ADDRESSES['frame']}?v={frame[5]}")
        assert answer.content == pydicom.dcmread(io.BytesIO(ct(1))).PixelData
        said = {"rows": 32, "columns": 32, "samples": 1, "bytes": 2, "signed": False}
        assert json.loads(answer["X-Frame"]) == said
        assert "immutable" in answer["Cache-Control"]
        assert "immutable" not in browser.get(ADDRESSES["frame"])["Cache-Control"]

    def test_slices_lie_as_in_the_body(self, archive: Archive, member: Any) -> None:
        lying = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        heights = (30.0, 10.0, 20.0)
        put(archive, *(ct(n, ImagePositionPatient=[0, 0, z], **lying) for n, z in enumerate(heights, 1)))  # type: ignore[arg-type]
        frames = member.browser("viewer").get(ADDRESSES["series-frames"]).json()["frames"]
        assert [(each[3], each[4]) for each in frames] == [(2, 10.0), (3, 20.0), (1, 30.0)]

    def test_an_image_that_could_not_be_read_is_asked_for_again(
        self, archive: Archive, member: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from medarchive.errors import BlobMissing

        put(archive, ct(1, PatientComments="mended"), ct(2))
        browser, header = member.browser("viewer"), archive.header

        def damaged(uid: str, keywords: Any = None) -> Any:
            if uid == f"{SERIES}.2":
                raise BlobMissing("gone")
            return header(uid, keywords)

        with monkeypatch.context() as patch:
            patch.setattr(archive, "header", damaged)
            said = browser.get(ADDRESSES["series-frames"]).json()
            assert (len(said["frames"]), said["left_out"]) == (1, 1)
        said = browser.get(ADDRESSES["series-frames"]).json()
        assert (len(said["frames"]), said["left_out"]) == (2, 0)

    def test_a_palette_comes_as_colour(self, archive: Archive, member: Any) -> None:
        dataset = pydicom.dcmread(io.BytesIO(ct(1)))
        dataset.PhotometricInterpretation = "PALETTE COLOR"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        for number, colour in enumerate(("Red", "Green", "Blue")):
            dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
            entries = b"".join((257 * (255 if number == 0 else index)).to_bytes(2, "little") for index in range(256))
            setattr(dataset, f"{colour}PaletteColorLookupTableData", entries)
        dataset.PixelData = bytes(range(256)) * 4
        put(archive, part10(dataset))
        answer = member.browser("viewer").get(ADDRESSES["frame"])
        said = json.loads(answer["X-Frame"])
        assert (said["samples"], said["bytes"]) == (3, 1)
        assert answer.content[: 3 * 3] == bytes((255, 0, 0, 255, 1, 1, 255, 2, 2))

    def test_a_palette_that_cannot_be_followed_comes_as_stored_values(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, PhotometricInterpretation="PALETTE COLOR"))
        browser = member.browser("viewer")
        answer = browser.get(ADDRESSES["frame"])
        assert json.loads(answer["X-Frame"])["samples"] == 1
        assert answer.content == pydicom.dcmread(io.BytesIO(ct(1))).PixelData
        assert browser.get(ADDRESSES["thumbnail"])["Content-Type"] == "image/jpeg"

    def test_look_up_tables_come_as_modality_values_and_grey(self, archive: Archive, member: Any) -> None:
        dataset = pydicom.dcmread(io.BytesIO(ct(1)))
        dataset.ModalityLUTSequence = [table(0, [7, 8, 9], 16)]
        dataset.VOILUTSequence = [table(7, [0, 1023, 2047], 12)]
        put(archive, part10(dataset))
        found = member.browser("viewer").get(ADDRESSES["lookup-tables"]).json()
        assert found["modality"] == {"first": 0, "entries": [7, 8, 9]}
        assert found["voi"]["first"] == 7
        assert found["voi"]["entries"] == pytest.approx([0, 1023 / 4095, 2047 / 4095], abs=1e-4)

    def test_zstd_that_is_refused_is_not_sent(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1, size=256))
        browser = member.browser("viewer")
        assert browser.get(ADDRESSES["frame"], headers={"Accept-Encoding": "gzip, zstd"})["Content-Encoding"] == "zstd"
        refused = browser.get(ADDRESSES["frame"], headers={"Accept-Encoding": "gzip, zstd;q=0"})
        assert "Content-Encoding" not in refused.headers

    def test_that_there_is_no_picture_is_not_kept(self, archive: Archive, member: Any) -> None:
        put(archive, ct(1))
        answer = member.browser("viewer").get(ADDRESSES["thumbnail"].replace("/0/", "/7/"))
        assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/svg+xml", "private, no-cache")
        assert "ETag" not in answer.headers

    def test_a_thumbnail_is_small_and_kept(self, archive: Archive, member: Any) -> None:
        from PIL import Image

        put(archive, ct(1, size=400))
        browser = member.browser("viewer")
        answer = browser.get(ADDRESSES["thumbnail"], {"size": "128"})
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (128, 128))
        again = browser.get(ADDRESSES["thumbnail"], {"size": "128"}, headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
