"""Images read on request, earlier results with what clinicians say, similar images."""

import html
import io
import json
import struct
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from contracts.objects import ct
from contracts.pictured import shaded
from contracts.readers import BrightnessReader
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.insight.models import WEIGHTS
from medarchive.settings import Settings
from medarchive.web import here
from medarchive.web.detection import detect
from web.streamed import streamed

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def archive(archive: Archive, tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(
        Settings(archive=tmp_path / "read", quiet=0, insight="true", insight_heat=True), reader=BrightnessReader
    ) as opened:
        here.serve(opened)
        yield opened
        here.serve(None)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for, on however slow a machine."""
    monkeypatch.setattr(detect, "_SOON", 60.0)


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


def read(browser: Any, path: str, **sent: Any) -> str:
    """The page to which a reading leads."""
    answer = browser.post(path, sent, follow=True)
    if answer.redirect_chain:
        assert [status for _, status in answer.redirect_chain] == [303]
    return str(answer.content.decode())


def test_who_may_have_images_read(filled: Archive, member: Any) -> None:
    for role, status in {"viewer": 403, "clinician": 200, "archivist": 200, "administrator": 200}.items():
        browser = member.browser(role)
        assert browser.get("/detect/").status_code == status
        assert browser.get("/results/").status_code == 200


def test_a_file_is_read_and_not_kept(filled: Archive, member: Any) -> None:
    before = filled.stats().instances
    page = read(member.browser("clinician"), "/detect/", file=png(0.8), anatomy="")
    assert "Glioma" in page
    assert 'data-testid="heat"' in page
    assert "investigational" in page.lower()
    assert page.count('<svg class="bar"') == 5
    assert filled.stats().instances == before
    event = next(filled.audit.events())
    assert (event.action, event.object, event.detail) == ("detect", "file", "brain, glioma, 1 image")
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
    page = read(member.browser("clinician"), "/detect/", file=file)
    assert "Not read" in page or "Choose a file" in page
    assert "<svg" not in page
    assert HOSTILE not in page


def test_no_file_no_answer(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    assert browser.post("/detect/").status_code == 400
    assert browser.post("/detect/", {"file": png(0.8), "anatomy": "knee"}).status_code == 400


def test_a_series_is_read_on_request_and_recorded(filled: Archive, member: Any) -> None:
    for number in range(1, 5):
        filled.store(io.BytesIO(shaded(0.8, number, study="1.2.7", series="1.2.7.1")))
    page = read(member.browser("clinician"), "/detect/1.2.7.1/")
    assert "4 images were read together" in page
    assert [each.finding for each in filled.findings("1.2.7.1")] == ["glioma"]
    assert "1.2.7.1" in member.browser("clinician", name="other").get("/results/series/1.2.7.1/").content.decode()


def test_what_somebody_says_it_shows_is_not_recorded(filled: Archive, member: Any) -> None:
    before = len(filled.findings("1.2.3.1.1"))
    page = read(member.browser("clinician"), "/detect/1.2.3.1.1/", anatomy="lung")
    assert "taken for lung because somebody said so" in page
    assert "not recorded" in page
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


def test_looking_at_results_is_a_visit_and_noted_once(filled: Archive, member: Any) -> None:
    browser = member.browser("viewer")
    for path in ("patient/P9", "study/1.2.9", "series/1.2.9.1", "instance/1.2.9.1.1", "series/1.2.8.1", "patient/P9"):
        assert browser.get(f"/results/{path}/").status_code == 200, path
    noted = [(event.object, event.detail) for event in filled.audit.events(equal={"action": "view", "who": "viewer"})]
    assert noted == [("1.2.8.1", "series"), ("1.2.9", "study"), ("P9", "patient")]
    assert "/results/series/1.2.8.1/" in browser.get("/results/").content.decode()


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_odd_uids_are_no_error(filled: Archive, member: Any) -> None:
    filled.store(io.BytesIO(shaded(0.8, 1, study="1/6", series="1/6/1", patient="P/6", SOPInstanceUID="1/6?1")))
    list(filled.read_now(["1/6/1"]))
    browser = member.browser("clinician")
    for path in ("patient/P%2F6", "study/1%2F6", "series/1%2F6%2F1", "instance/1%2F6%3F1"):
        page = browser.get(f"/results/{path}/")
        assert page.status_code == 200, path
        assert "Glioma" in page.content.decode(), path
    assert "Images of the archive that look like it" in read(browser, "/detect/", file=png(0.8))


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
    page = read(browser, "/detect/", file=png(0.8))
    assert "/instances/1.2.9.1.1/" in page
    assert "1.2.3.1" not in page


def test_a_series_of_another_study_with_the_same_uid_is_another(filled: Archive, member: Any) -> None:
    filled.store(io.BytesIO(shaded(0.8, 7, study="1.2.7", series="1.2.9.1", patient="P7")))
    list(filled.compress(wait_for_all=True))
    filled.read_now(["1.2.9.1"])
    mine, other = (
        next(each for each in filled.findings("1.2.9.1") if each.study_uid == study) for study in ("1.2.9", "1.2.7")
    )
    for each in (mine, other):
        filled.correct(each.id, "confirmed", by="restricted", note=f"of {each.study_uid}")
    browser = shared(member, "administrator", "1.2.9")
    page = browser.get("/results/series/1.2.9.1/").content.decode()
    assert f"/corrections/{mine.id}/" in page
    assert f"/corrections/{other.id}/" not in page
    said = {"series": "1.2.9.1", "verdict": "confirmed"}
    assert browser.post(f"/corrections/{other.id}/", said).status_code == 404
    assert browser.post(f"/corrections/{mine.id}/", said).status_code == 302
    page = browser.get("/results/").content.decode()
    assert "of 1.2.9" in page
    assert "of 1.2.7" not in page
    assert {line["note"] for line in exported(browser)} == {"of 1.2.9", ""}


def test_the_export_of_corrections(filled: Archive, member: Any) -> None:
    filled.correct(filled.findings("1.2.3.1.1")[-1].id, "confirmed", by="ann")
    filled.correct(filled.findings("1.2.9.1")[-1].id, "rejected", by="bob", label="malignant", note="née")
    assert [(line["by"], line["SOPInstanceUID"]) for line in exported(member.browser("archivist"))] == [
        ("ann", "1.2.3.1.1.4"),
        ("bob", "1.2.9.1.1"),
    ]
    assert [line["note"] for line in exported(shared(member, "archivist", "1.2.9"))] == ["née"]
    assert member.browser("clinician").get("/results/corrections/").status_code == 403


def exported(browser: Any) -> list[dict[str, Any]]:
    answer = browser.get("/results/corrections/")
    return [json.loads(line) for line in streamed(answer).decode().splitlines()]


def test_without_a_reader_it_says_so(filled: Archive, member: Any, tmp_path: Path) -> None:
    with Archive.open(Settings(archive=tmp_path / "read")) as plain:
        here.serve(plain)
        browser = member.browser("clinician")
        for path in ("/detect/", "/detect/1.2.3.1.1/"):
            page = browser.get(path).content.decode()
            assert "lacks the extra" in page, path
            assert "<button data-testid" not in page, path
        assert "no reader" in read(browser, "/detect/", file=png(0.8)).lower()
        assert "no reader" in read(browser, "/detect/1.2.3.1.1/").lower()
        assert "Glioma" in browser.get("/results/series/1.2.3.1.1/").content.decode()
        here.serve(filled)


def test_an_answer_is_there_again_and_read_once(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    place = browser.post("/detect/1.2.3.1.1/", {"anatomy": "brain"})["Location"]
    pages = {browser.get(place).content for _ in range(3)}
    assert b"taken for brain because somebody said so" in min(pages)
    assert len(list(filled.audit.events(equal={"action": "detect"}))) == 1
    assert browser.get(f"{place}state/").json() == {"done": True, "before": 0}


def test_pictures_and_heat_maps_have_the_same_size(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    place = browser.post("/detect/", {"file": png(0.8, 100)})["Location"]
    picture, heat = (browser.get(f"{place}{name}.png") for name in ("picture", "heat"))
    assert picture["Content-Type"] == heat["Content-Type"] == "image/png"
    assert imagecodecs.png_decode(picture.content).shape == (100, 100)
    colours = imagecodecs.png_decode(heat.content)
    assert colours.shape == (100, 100, 4)
    assert np.ptp(colours[..., 3]) > 0
    place = browser.post("/detect/", {"file": png(0.1)})["Location"]
    assert browser.get(f"{place}picture.png").status_code == 200
    assert browser.get(f"{place}heat.png").status_code == 404


def test_answers_are_for_those_who_asked(filled: Archive, member: Any) -> None:
    place = member.browser("clinician").post("/detect/1.2.3.1.1/")["Location"]
    other = member.browser("administrator")
    for path in (place, f"{place}state/", f"{place}picture.png", f"{place}heat.png", "/detect/asked/none/"):
        assert other.get(path).status_code == 404, path


def test_an_answer_goes_when_its_study_may_not_be_seen_any_more(filled: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import SharedStudy

    browser = shared(member, "clinician", "1.2.3.1")
    stored = browser.post("/detect/1.2.3.1.1/")["Location"]
    looked = browser.post("/detect/", {"file": png(0.8)})["Location"]
    assert browser.get(f"{stored}picture.png").status_code == 200
    assert "/instances/1.2.3.1.1." in browser.get(looked).content.decode()
    SharedStudy.objects.all().delete()
    assert browser.get(stored).status_code == 404
    assert browser.get(f"{stored}picture.png").status_code == 404
    assert "/instances/1.2.3.1.1." not in browser.get(looked).content.decode()


def test_a_page_waits_for_a_long_reading(filled: Archive, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_SOON", 0.05)
    go = threading.Event()
    slow = filled.look

    def look(*asked: Any, **more: Any) -> Any:
        assert go.wait(30)
        return slow(*asked, **more)

    monkeypatch.setattr(filled, "look", look)
    first, second = member.browser("clinician"), member.browser("archivist")
    try:
        places = [first.post(f"/detect/1.2.3.1.1.{number}/")["Location"] for number in (1, 2, 3)]
        assert first.post("/detect/1.2.3.1.1.4/").status_code == 503
        other = second.post("/detect/1.2.3.1.1.4/")["Location"]
        assert "Being read." in first.get(places[0]).content.decode()
        assert "Waiting: 3 before it." in second.get(other).content.decode()
        assert second.get(f"{other}state/").json() == {"done": False, "before": 3}
        assert first.get(f"{places[0]}picture.png").status_code == 404
    finally:
        go.set()
    monkeypatch.setattr(detect, "_SOON", 30)
    assert second.get(f"{other}state/").json() == {"done": True, "before": 0}
    assert "Glioma" in second.get(other).content.decode()


def test_many_frames_and_too_many_pixels(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    dark = np.tile(np.linspace(0, 4095, 32), (16, 32, 1)).astype("<u2")
    many = io.BytesIO(ct(1, size=32, NumberOfFrames=16, PixelData=dark.tobytes(), series="1.2.6.1"))
    many.name = "many.dcm"
    assert "16 images were read together" in read(browser, "/detect/", file=many)
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 100_000, 100_000, 8, 0, 0, 0, 0)
    huge = io.BytesIO(header + bytes(64))
    huge.name = "huge.png"
    page = read(browser, "/detect/", file=huge)
    assert "Not read" in page
    assert "100000 x 100000" in page


def test_a_file_with_too_many_bytes_is_refused(filled: Archive, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_MOST_BYTES", 100)
    assert member.browser("clinician").post("/detect/", {"file": png(0.8)}).status_code == 413
    assert not list(filled.incoming().iterdir())


def test_a_study_names_its_series(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    page = browser.get("/detect/1.2.3.1/").content.decode()
    assert "/detect/1.2.3.1.1/" in page
    assert HOSTILE not in page
    assert browser.post("/detect/1.2.3.1/").status_code == 400


def test_what_fails_unexpectedly_is_not_read(filled: Archive, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object, **__: object) -> None:
        raise ValueError("strange")

    monkeypatch.setattr(filled, "look", look)
    page = read(member.browser("clinician"), "/detect/1.2.3.1.1/")
    assert "nobody expected" in page
    assert "strange" not in page
    assert next(filled.audit.events(equal={"action": "detect"})).outcome == "failed"


def test_thresholds_and_trust_are_those_of_the_card(filled: Archive, member: Any) -> None:
    facts = json.loads((WEIGHTS / "brain.json").read_text())
    page = read(member.browser("clinician"), "/detect/", file=png(0.8))
    assert f"reaches {facts['thresholds']['abnormal']:.2f}" in page
    for name in ("sensitivity", "specificity", "auc"):
        measured = facts["test"]["pool"][name]
        low, high = measured["interval"]
        assert f"<td>{measured['value']:.3f}</td><td>{low:.3f} to {high:.3f}</td>" in page, name
    assert facts["failures"][0] in html.unescape(page)
    assert "b" * 64 in page
    assert "never gives a finding" in read(member.browser("clinician", name="other"), "/detect/", file=png(0.35))


def test_superseded_results_and_abstentions(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    for number in (1, 2):
        filled.store(io.BytesIO(shaded(0.55, number, study="1.2.7", series="1.2.7.1")))
        assert "It would rather not say" in read(browser, "/detect/1.2.7.1/")
    page = browser.get("/results/series/1.2.7.1/").content.decode()
    assert page.count("It would rather not say") == 2
    assert page.count("superseded") == page.count("<strong>current</strong>") == 1
    assert "is between the thresholds" in page
    if find_spec("highdicom"):
        assert page.count("structured report") == page.count("heat map</a>") == 2


def test_mine_are_those_of_the_account(filled: Archive, member: Any) -> None:
    filled.audit.note(Event("view", "clinician", "", "web", "1.2.9"), Event("view", "clinician", "", "web", "1.2.0"))
    browser, other = member.browser("clinician"), member.browser("archivist")
    read(browser, "/detect/1.2.3.1.1/")
    read(browser, "/detect/", file=png(0.8))
    filled.correct(filled.findings("1.2.8.1")[-1].id, "confirmed", by="clinician", note=HOSTILE)
    page = browser.get("/results/").content.decode()
    for uid in ("1.2.3.1.1", "1.2.8.1", "1.2.9.1"):
        assert f"/results/series/{uid}/" in page, uid
    assert "a file that was not kept" in page
    assert HOSTILE not in page
    assert "/results/series/" not in other.get("/results/").content.decode()


def test_corrections_need_a_token_of_their_page(filled: Archive, member: Any) -> None:
    from django.test import Client

    from medarchive.web.accounts.models import User

    browser = Client(enforce_csrf_checks=True)
    member.browser("clinician")
    browser.force_login(User.objects.get(username="clinician"), "allauth.account.auth_backends.AuthenticationBackend")
    reading = filled.findings("1.2.3.1.1")[-1].id
    sent = {"series": "1.2.3.1.1", "verdict": "confirmed"}
    assert browser.post(f"/corrections/{reading}/", sent).status_code == 403
    assert browser.post("/detect/1.2.3.1.1/").status_code == 403
    assert not filled.findings("1.2.3.1.1")[-1].corrections


def test_labels_that_the_network_does_not_have_are_refused(filled: Archive, member: Any) -> None:
    browser = member.browser("clinician")
    reading = filled.findings("1.2.3.1.1")[-1].id
    browser.post(f"/corrections/{reading}/", {"series": "1.2.3.1.1", "verdict": "rejected", "label": HOSTILE})
    assert not filled.findings("1.2.3.1.1")[-1].corrections
    assert HOSTILE not in browser.get("/results/series/1.2.3.1.1/").content.decode()
