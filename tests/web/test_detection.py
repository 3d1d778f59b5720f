"""Images read on request, earlier results with what clinicians say, similar images."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from contracts.pictured import shaded
from contracts.readers import BrightnessReader
from medarchive.archive.archive import Archive
from medarchive.settings import Settings
from medarchive.web import here

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def archive(archive: Archive, tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path / "read", quiet=0, insight="true"), reader=BrightnessReader) as opened:
        here.serve(opened)
        yield opened
        here.serve(None)


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number in range(1, 5):
        archive.store(io.BytesIO(shaded(0.8, number, series="1.2.3.1.1", SeriesDescription=HOSTILE)), source="CT1")
    archive.store(io.BytesIO(shaded(0.3, 1, study="1.2.9", series="1.2.9.1", patient="P9")), source="CT2")
    archive.store(io.BytesIO(shaded(0.79, 1, study="1.2.8", series="1.2.8.1", patient="P8")), source="CT1")
    list(archive.compress(wait_for_all=True))
    archive.read_now(["1.2.3.1.1", "1.2.9.1", "1.2.8.1"])
    list(archive.compress(wait_for_all=True, kinds=("read",)))
    return archive


def png(level: float, side: int = 64) -> io.BytesIO:
    ramp = np.tile(np.linspace(max(level - 0.1, 0), min(level + 0.1, 1), side), (side, 1))
    file = io.BytesIO(imagecodecs.png_encode(np.rint(255 * ramp).astype(np.uint8)))
    file.name = "picture.png"
    return file


def test_who_may_have_images_read(filled: Archive, member: Any) -> None:
    for role, status in {"viewer": 403, "clinician": 200, "archivist": 200, "administrator": 200}.items():
        browser = member.browser(role)
        assert browser.get("/detect/").status_code == status
        assert browser.get("/results/").status_code == 200


def test_a_file_is_read_and_not_kept(filled: Archive, member: Any) -> None:
    before = filled.stats().instances
    page = member.browser("clinician").post("/detect/", {"file": png(0.8), "anatomy": ""}).content.decode()
    assert "Glioma" in page
    assert 'data-testid="heat"' in page
    assert "investigational" in page.lower()
    assert page.count("<meter") == 5
    assert filled.stats().instances == before
    event = next(filled.audit.events())
    assert (event.action, event.object, event.detail) == ("detect", "file", "brain, glioma, 1 images")
    assert not list(filled.incoming().iterdir())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.txt", b"hello"),
        ("tiny.png", bytes(imagecodecs.png_encode(np.zeros((1, 1), np.uint8)))),
        ("flat.png", bytes(imagecodecs.png_encode(np.full((64, 64), 7, np.uint8)))),
        ("broken.png", bytes(imagecodecs.png_encode(np.zeros((64, 64), np.uint8)))[:60]),
        ("empty.dcm", b""),
        (f"{HOSTILE}.png", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40),
    ],
)
def test_what_cannot_be_read_says_why(filled: Archive, member: Any, name: str, data: bytes) -> None:
    file = io.BytesIO(data)
    file.name = name
    page = member.browser("clinician").post("/detect/", {"file": file}).content.decode()
    assert "Not read" in page or "Choose a file" in page
    assert "<meter" not in page
    assert HOSTILE not in page


def test_no_file_no_answer(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    assert browser.post("/detect/").status_code == 400
    assert browser.post("/detect/", {"file": png(0.8), "anatomy": "knee"}).status_code == 400


def test_a_series_is_read_on_request_and_recorded(filled: Archive, member: Any) -> None:
    for number in range(1, 5):
        filled.store(io.BytesIO(shaded(0.8, number, study="1.2.7", series="1.2.7.1")))
    page = member.browser("clinician").post("/detect/1.2.7.1/").content.decode()
    assert "4 images were read together" in page
    assert [each.finding for each in filled.findings("1.2.7.1")] == ["glioma"]
    assert "1.2.7.1" in member.browser("clinician", name="other").get("/results/series/1.2.7.1/").content.decode()


def test_what_somebody_says_it_shows_is_not_recorded(filled: Archive, member: Any) -> None:
    before = len(filled.findings("1.2.3.1.1"))
    page = member.browser("clinician").post("/detect/1.2.3.1.1/", {"anatomy": "lung"}).content.decode()
    assert 'data-testid="reading"' in page
    assert len(filled.findings("1.2.3.1.1")) == before


def test_results_of_each_level_with_corrections(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    for path in ("series/1.2.3.1.1", "study/1.2.3.1", "patient/P1", "instance/1.2.3.1.1.1"):
        page = browser.get(f"/results/{path}/").content.decode()
        assert "Glioma" in page, path
        assert HOSTILE not in page
    reading = filled.findings("1.2.3.1.1")[-1].id
    sent = {"series": "1.2.3.1.1", "verdict": "rejected", "label": "meningioma", "note": HOSTILE}
    assert browser.post(f"/corrections/{reading}/", sent)["Location"] == "/results/series/1.2.3.1.1/"
    page = browser.get("/results/series/1.2.3.1.1/").content.decode()
    assert "Rejected</strong> by clinician" in page
    assert HOSTILE not in page
    assert filled.findings("1.2.3.1.1")[-1].corrections[0].by == "clinician"
    assert "rejected: meningioma" in browser.get("/results/").content.decode()
    event = next(filled.audit.events(equal={"action": "correct"}))
    assert (event.who, event.object) == ("clinician", "1.2.3.1.1")


def test_a_verdict_that_is_none_says_so(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    reading = filled.findings("1.2.3.1.1")[-1].id
    browser.post(f"/corrections/{reading}/", {"series": "1.2.3.1.1", "verdict": "maybe"})
    assert not filled.findings("1.2.3.1.1")[-1].corrections
    assert browser.post(f"/corrections/{reading}/", {"series": "1.2.9.1", "verdict": "confirmed"}).status_code == 404
    assert browser.post("/corrections/999/", {"series": "1.2.3.1.1", "verdict": "confirmed"}).status_code == 404
    sent = {"series": "1.2.3.1.1", "verdict": "confirmed", "back": "https://evil.example/"}
    assert browser.post(f"/corrections/{reading}/", sent)["Location"] == "/results/series/1.2.3.1.1/"
    assert browser.get(f"/corrections/{reading}/").status_code == 405


def test_viewers_correct_nothing(filled: Archive, member: Any) -> None:
    browser = member.browser("viewer")
    reading = filled.findings("1.2.3.1.1")[-1].id
    assert browser.post(f"/corrections/{reading}/", {"series": "1.2.3.1.1", "verdict": "confirmed"}).status_code == 403
    assert "Confirm" not in browser.get("/results/series/1.2.3.1.1/").content.decode()


def test_similar_images(filled: Archive, member: Any) -> None:
    page = member.browser("viewer").get("/similar/1.2.3.1.1.1/?other_series=1").content.decode()
    grid = page.partition("similar-grid")[2]
    assert "/instances/1.2.8.1.1/" in grid
    assert "/instances/1.2.3.1.1.2/" not in grid


def shared(member: Any, role: str, *studies: str) -> Any:
    """A browser of an account that may see these studies alone."""
    from medarchive.web.accounts.models import SharedStudy, User

    browser = member.browser(role, sees="shared", name="restricted")
    for study in studies:
        SharedStudy.objects.create(user=User.objects.get(username="restricted"), study_uid=study, by="test")
    return browser


def test_what_an_account_may_not_see_is_not_there(filled: Archive, member: Any) -> None:
    browser = shared(member, "clinician", "1.2.9")
    for path in (
        "/results/series/1.2.3.1.1/",
        "/results/study/1.2.3.1/",
        "/results/patient/P1/",
        "/results/instance/1.2.3.1.1.1/",
        "/similar/1.2.3.1.1.1/",
        "/detect/1.2.3.1.1/",
        "/detect/1.2.3.1.1.1/",
    ):
        assert browser.get(path).status_code == 404, path
    assert browser.post("/detect/1.2.3.1.1/").status_code == 404
    reading = filled.findings("1.2.3.1.1")[-1].id
    assert browser.post(f"/corrections/{reading}/", {"series": "1.2.3.1.1", "verdict": "confirmed"}).status_code == 404
    assert browser.get("/results/series/1.2.9.1/").status_code == 200
    grid = browser.get("/similar/1.2.9.1.1/").content.decode().partition("similar-grid")[2]
    assert "1.2.3.1" not in grid
    assert "1.2.8" not in grid
    page = browser.post("/detect/", {"file": png(0.8)}).content.decode()
    assert "1.2.3.1" not in page


def test_the_export_of_corrections(filled: Archive, member: Any) -> None:
    import asyncio
    import json

    filled.correct(filled.findings("1.2.3.1.1")[-1].id, "confirmed", by="ann")
    answer = member.browser("archivist").get("/results/corrections/")

    async def read() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    (line,) = asyncio.run(read()).decode().splitlines()
    assert json.loads(line)["correction"]["by"] == "ann"
    assert member.browser("clinician").get("/results/corrections/").status_code == 403


def test_without_a_reader_it_says_so(filled: Archive, member: Any, tmp_path: Path) -> None:
    with Archive.open(Settings(archive=tmp_path / "read")) as plain:
        here.serve(plain)
        browser = member.browser("clinician")
        assert "no reader" in browser.post("/detect/", {"file": png(0.8)}).content.decode().lower()
        answer = browser.post("/detect/1.2.3.1.1/")
        assert (answer.status_code, b"no reader" in answer.content.lower()) == (409, True)
        here.serve(filled)
