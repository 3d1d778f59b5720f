"""The upload page: what was sent, what became of it, and why not."""

import contextlib
import datetime as dt
import io
import json
import subprocess
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from contracts.objects import SHIPPED, ct
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Level
from medarchive.web.intake.picture import About, wrapped

JSON = {"Accept": "application/json"}
VISIT = "1700000000-0123456789abcdef"


def send(client: Any, *files: tuple[str, bytes], **fields: str) -> Any:
    data = {"files": [SimpleUploadedFile(name, content) for name, content in files], **fields}
    return client.post("/upload/", data, headers=JSON)


def told(answer: Any) -> list[tuple[int, str, str]]:
    return [(one["file"], one["name"], one.get("reason") or one["result"]) for one in answer.json()["objects"]]


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (20, 10), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 50).convert(mode).save(out, kind, **options)
    return out.getvalue()


def the_object(archive: Archive, answer: Any) -> pydicom.Dataset:
    (one,) = answer.json()["objects"]
    assert one["result"] == "stored", one
    (record,) = archive.instances(Level.STUDY, [one["study"]])
    with archive.load(record.uid) as file:
        return pydicom.dcmread(io.BytesIO(file.read()))


def test_files_are_stored_as_they_came(archive: Archive, member: Any) -> None:
    files = [ct(number) for number in range(1, 41)]
    answer = send(member.browser("clinician"), *[(f"{number}", file) for number, file in enumerate(files)])
    assert told(answer) == [(number, f"{number}", "stored") for number in range(40)]
    for number, file in enumerate(files, 1):
        with archive.load(f"1.2.3.1.1.{number}") as kept:
            assert kept.read() == file
    assert archive.instance("1.2.3.1.1.1").source == "WEB"


def test_without_scripts_a_page_says_what_became_of_it(archive: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    hostile = SimpleUploadedFile("</script>.txt", b"hello")
    page = browser.post("/upload/", {"files": [SimpleUploadedFile("a", ct(1)), hostile]}).content.decode()
    assert "1 stored · 0 here already · 1 refused" in page
    assert "<td>script&gt;.txt</td>" in page
    assert "<td>script>" not in page
    assert "neither a DICOM file" in page
    assert "1.2.3.1" in page


def test_the_page_offers_a_form(member: Any) -> None:
    page = member.browser("clinician").get("/upload/?study=1.2.3").content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert 'value="1.2.3"' in page


@pytest.mark.parametrize("role", ["viewer"])
def test_who_may_not_upload_sees_no_form(member: Any, role: str, archive: Archive) -> None:
    browser = member.browser(role)
    assert browser.get("/upload/").status_code == 403
    assert send(browser, ("a", ct(1))).status_code == 403
    assert archive.stats().instances == 0


def test_a_zip_archive_is_unpacked(archive: Archive, member: Any) -> None:
    files = {f"study/series/{number}.dcm": ct(number) for number in range(1, 50)}
    content = zipped(
        {**files, "study/readme.txt": b"hello", "study/inner.zip": zipped({"a": ct(99)}), "DICOMDIR": b"x"}
    )
    answer = send(member.browser("clinician"), ("first", ct(60)), ("study.zip", content))
    became = told(answer)
    assert became[0] == (0, "first", "stored")
    assert became[1] == (1, "study.zip > 1.dcm", "stored")
    assert [one for one in became if one[2] != "stored"] == [
        (1, "study.zip > readme.txt", "neither a DICOM file (PS3.10) nor a ZIP archive, PNG or JPEG"),
        (1, "study.zip > inner.zip", "a ZIP archive in a ZIP archive: unpack it first"),
        (1, "study.zip > DICOMDIR", "neither a DICOM file (PS3.10) nor a ZIP archive, PNG or JPEG"),
    ]
    assert archive.stats().instances == 50


def test_names_that_lead_elsewhere_lead_nowhere(archive: Archive, member: Any, tmp_path: Path) -> None:
    content = zipped({"../../../../tmp/evil": ct(1), "/etc/cron.d/evil": ct(2), "..\\..\\evil": ct(3)})
    answer = send(member.browser("clinician"), ("../../up.zip", content), ("../../../x", ct(4)))
    assert [name for _, name, _ in told(answer)] == ["up.zip > evil"] * 3 + ["x"]
    assert not list(tmp_path.rglob("*evil*"))
    assert list(archive.incoming().iterdir()) == []


def test_a_zip_bomb_costs_itself(archive: Archive, member: Any) -> None:
    content = zipped({"good.dcm": ct(1), "bomb": b"\0" * 128 + b"DICM" + bytes(100 << 20), "after.dcm": ct(2)})
    became = told(send(member.browser("clinician"), ("bomb.zip", content)))
    assert [(name, what[:20]) for _, name, what in became] == [
        ("bomb.zip > good.dcm", "stored"),
        ("bomb.zip > bomb", "more than 200 times "),
        ("bomb.zip > after.dcm", "stored"),
    ]


def test_a_deflate_bomb_in_an_object_costs_itself(archive: Archive, member: Any) -> None:
    """A deflated transfer syntax whose data set is endless before its pixel data."""
    from medarchive.dicom.part10 import file_meta

    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    element = b"\x09\x00\x10\x00UN\0\0" + (900 << 20).to_bytes(4, "little")
    data = squeeze.compress(element)
    for _ in range(90):
        data += squeeze.compress(bytes(10 << 20))
    bomb = file_meta("1.2.840.10008.5.1.4.1.1.2", "1.9.9", "1.2.840.10008.1.2.1.99") + data + squeeze.flush()
    became = told(send(member.browser("clinician"), ("bomb.dcm", bomb), ("good.dcm", ct(1))))
    assert became[1][2] == "stored"
    assert "64 MiB" in became[0][2]
    assert archive.stats().instances == 1


def test_a_damaged_zip_archive_is_told(member: Any) -> None:
    content = zipped({"a": ct(1)})
    became = told(send(member.browser("clinician"), ("cut.zip", content[:-40]), ("good", ct(2))))
    assert became[0][1:] == ("cut.zip", "the ZIP archive has no end: it was cut off")
    assert became[1][2] == "stored"


@pytest.mark.parametrize(
    ("kind", "mode", "photometric", "bits"),
    [
        ("PNG", "RGB", "RGB", 8),
        ("PNG", "L", "MONOCHROME2", 8),
        ("PNG", "1", "MONOCHROME2", 8),
        ("PNG", "P", "RGB", 8),
        ("PNG", "RGBA", "RGB", 8),
        ("PNG", "LA", "MONOCHROME2", 8),
        ("PNG", "I;16", "MONOCHROME2", 16),
        ("JPEG", "RGB", "RGB", 8),
        ("JPEG", "L", "MONOCHROME2", 8),
        ("JPEG", "CMYK", "RGB", 8),
    ],
)
def test_pictures_become_secondary_captures(
    archive: Archive, member: Any, tmp_path: Path, kind: str, mode: str, photometric: str, bits: int
) -> None:
    content = picture(kind, mode, (21, 11))
    fields = {"patient_id": "P7", "patient_name": "Doe, Jane", "description": "Photo", "visit": VISIT}
    answer = send(member.browser("clinician"), ("photo.bin", content), **fields)
    found = the_object(archive, answer)
    assert (found.Rows, found.Columns) == (11, 21)
    assert (found.PhotometricInterpretation, found.BitsAllocated) == (photometric, bits)
    assert (found.PatientID, str(found.PatientName), found.StudyDescription) == ("P7", "Doe^Jane", "Photo")
    assert (found.StudyDate, found.SOPClassUID.name) == ("20231114", "Secondary Capture Image Storage")
    assert found.LossyImageCompression == ("01" if kind == "JPEG" else "00")
    if (kind, mode) in (("PNG", "RGB"), ("PNG", "L"), ("PNG", "I;16")):
        assert (found.pixel_array == np.asarray(Image.open(io.BytesIO(content)))).all()
    found.save_as(tmp_path / "photo.dcm")
    checked = subprocess.run(
        ["/usr/bin/dciodvfy", str(tmp_path / "photo.dcm")], capture_output=True, text=True, check=False
    )
    assert [line for line in checked.stderr.splitlines() if line.startswith("Error")] == []


def test_the_same_picture_again_is_here_already(member: Any) -> None:
    browser, content = member.browser("clinician"), picture("PNG")
    fields = {"patient_id": "P7", "visit": VISIT}
    assert [told(send(browser, ("a.png", content), **fields))[0][2] for _ in range(2)] == ["stored", "duplicate"]


def test_a_picture_can_join_a_study(archive: Archive, member: Any) -> None:
    archive.store(io.BytesIO(ct(1, PatientSex="F", AccessionNumber="A1")))
    answer = send(member.browser("clinician"), ("a.png", picture("PNG")), study="1.2.3.1")
    assert told(answer)[0][2] == "stored"
    with archive.load([one.uid for one in archive.instances(Level.STUDY, ["1.2.3.1"])][1]) as file:
        found = pydicom.dcmread(io.BytesIO(file.read()))
    assert (found.PatientID, found.PatientSex, found.AccessionNumber, found.StudyDate) == ("P1", "F", "A1", "20240102")


def test_a_picture_cannot_join_a_study_that_one_does_not_see(archive: Archive, member: Any) -> None:
    archive.store(io.BytesIO(ct(1)), source="CT1")
    browser = member.browser("clinician", sees="shared")
    here, nowhere = (told(send(browser, ("a.png", picture("PNG")), study=uid)) for uid in ("1.2.3.1", "1.2.3.99"))
    assert here == nowhere == [(0, "a.png", "no such study")]
    assert archive.stats().instances == 1


def test_a_picture_of_nobody_is_refused(member: Any) -> None:
    became = told(send(member.browser("clinician"), ("a.png", picture("PNG"))))
    assert became[0][2].startswith("a picture says nothing of a patient")


def test_pictures_that_are_too_large_or_damaged_are_refused(archive: Archive, member: Any) -> None:
    large = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(large, "PNG")
    became = told(
        send(
            member.browser("clinician"),
            ("large.png", large.getvalue()),
            ("cut.png", picture("PNG")[:60]),
            ("cut.jpg", picture("JPEG", size=(200, 200))[:2000]),
            patient_id="P",
        )
    )
    assert "10000 x 10000" in became[0][2]
    assert all("cannot be decoded" in what for _, _, what in became[1:])
    assert archive.stats().instances == 0


def test_pictures_wait_on_disk(tmp_path: Path) -> None:
    flat = io.BytesIO()
    Image.new("RGB", (2000, 2000)).save(flat, "PNG")
    about = About.of_patient("P", "", "", VISIT, dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
    tracemalloc.start()
    with contextlib.ExitStack() as files:
        for number in range(4):
            file = files.enter_context(wrapped(flat, f"{number}", about, tmp_path))
            assert pydicom.dcmread(file, stop_before_pixels=True).Rows == 2000
        kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4 << 20, "of 48 MB"


@pytest.mark.parametrize("value", ["a\\b\r\nc\x00d", "x" * 500, "=^=^=", "Ünï, çødé"])
def test_hostile_names_of_patients_make_valid_objects(archive: Archive, member: Any, value: str) -> None:
    fields = {"patient_id": value, "patient_name": value, "description": value, "visit": "nonsense"}
    found = the_object(archive, send(member.browser("clinician"), ("a.png", picture("PNG")), **fields))
    for text in (found.PatientID, str(found.PatientName), found.StudyDescription):
        assert len(text) <= 64
        assert not set(text) & set("\\\r\n\0")
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID


def test_real_files_of_every_kind_are_told_apart(archive: Archive, member: Any) -> None:
    names = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "image_dfl.dcm", "no_meta.dcm", "DICOMDIR"]
    files = [(name, (SHIPPED / name if name != "DICOMDIR" else SHIPPED / "dicomdirtests" / name)) for name in names]
    became = told(send(member.browser("clinician"), *[(name, path.read_bytes()) for name, path in files]))
    assert [what for _, _, what in became[:4]] == ["stored"] * 4
    assert became[4][2].startswith("neither a DICOM file")
    assert became[5][2].startswith("a DICOMDIR lists the objects of a medium")


def test_no_file_at_all(member: Any) -> None:
    answer = member.browser("clinician").post("/upload/", {}, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"error": "no file came"})


def test_a_form_that_breaks_off_is_no_fault_of_ours(member: Any, archive: Archive) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + ct(1)[:500]
    answer = member.browser("clinician").post(
        "/upload/", body, content_type="multipart/form-data; boundary=b", headers=JSON
    )
    assert answer.status_code in (200, 400)
    assert archive.stats().instances == 0
    assert (
        member.browser("archivist").post("/upload/", b"x", content_type="multipart/form-data", headers=JSON).status_code
        == 400
    )


def test_a_restricted_account_sees_what_it_brought(archive: Archive, member: Any) -> None:
    archive.store(io.BytesIO(ct(1, study="1.8", series="1.8.1")), source="CT1")
    browser = member.browser("clinician", sees="shared")
    became = told(send(browser, ("mine", ct(1)), ("theirs", ct(2, study="1.8", series="1.8.1"))))
    assert [what for _, _, what in became] == ["stored", "no right to this study"]
    from medarchive.web.accounts.models import User
    from medarchive.web.rights import sees

    sees(archive, User.objects.get(username="clinician"), Level.STUDY, "1.2.3.1")
    events = {one.object: json.loads(one.detail) for one in archive.audit.events(equal={"action": "upload"})}
    assert events == {"1.2.3.1": {"stored": 1}, "1.8": {"no right": 1}}
