"""Detection in the browser's way with the shipped networks: made-up pictures, the figures of their cards, bad input."""

import html
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from contracts.objects import ct
from contracts.phantoms import head
from medarchive.archive.archive import Archive
from medarchive.insight.models import WEIGHTS
from medarchive.insight.reader import Reader
from medarchive.settings import Settings
from medarchive.web import here
from web.conftest import Member, archive, configured, member  # noqa: F401  # fixtures

HEAD = "1.2.3.1.70"


@pytest.fixture
def reading(archive: Archive, tmp_path: Path) -> Iterator[Archive]:  # noqa: F811  # the fixture
    settings = Settings(archive=tmp_path / "read", quiet=0, insight="true")
    with Archive.open(settings, reader=Reader.open) as opened:
        here.serve(opened)
        yield opened
        here.serve(None)


def picture() -> io.BytesIO:
    values = head().pixels[0, :, :, 0].astype(float)
    shown = np.rint(255 * np.clip((values - 1024 + 20) / 100, 0, 1)).astype(np.uint8)
    file = io.BytesIO(imagecodecs.png_encode(shown))
    file.name = "head.png"
    return file


def asked(browser: Any, path: str, **sent: Any) -> tuple[str, str]:
    """The page of the answer, and its address."""
    answer = browser.post(path, sent, follow=True)
    return html.unescape(answer.content.decode()), answer.redirect_chain[-1][0]


def test_a_picture_that_is_said_to_be_a_brain(reading: Archive, member: Member) -> None:  # noqa: F811
    browser = member.browser("clinician")
    page, place = asked(browser, "/detect/", file=picture(), anatomy="brain")
    facts = json.loads((WEIGHTS / "brain.json").read_text())
    assert '<h2 id="answer">No tumour: 0.' in page
    assert "taken for brain because somebody said so." in page
    assert f"reaches {facts['thresholds']['abnormal']:.2f}" in page
    assert f"{facts['test']['pool']['auc']['value']:.3f}" in page
    assert facts["sha256"] in page
    assert imagecodecs.png_decode(browser.get(f"{place}heat.png").content).shape == (256, 256, 4)
    assert imagecodecs.png_decode(browser.get(f"{place}picture.png").content).shape == (256, 256)


def test_a_picture_that_is_said_to_be_a_lung(reading: Archive, member: Member) -> None:  # noqa: F811
    page, _ = asked(member.browser("clinician"), "/detect/", file=picture(), anatomy="lung")
    assert "taken for lung because somebody said so; by itself it would say brain" in page
    assert "how likely the archive finds that: 0.0" in page
    assert json.loads((WEIGHTS / "chest-xray.json").read_text())["sha256"] in page


def test_a_series_says_the_same_as_at_its_arrival(reading: Archive, member: Member) -> None:  # noqa: F811
    pixels = head().pixels[0, :, :, 0]
    for number in (1, 2, 3):
        shifted = np.roll(pixels, number, axis=1).astype("<u2").tobytes()
        given = {"series": HEAD, "Modality": "MR", "BodyPartExamined": "HEAD"}
        reading.store(io.BytesIO(ct(number, size=256, PixelData=shifted, **given)))
    list(reading.read_now([HEAD]))
    (before,) = reading.findings(HEAD)
    page, _ = asked(member.browser("clinician"), f"/detect/{HEAD}/")
    (after,) = reading.findings(HEAD)
    assert after == before
    assert "3 images were read together" in page
    assert before.anatomy in page
    for value in before.probabilities.values():
        assert f"{value:.3f}" in page


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (np.zeros((1, 1), np.uint8), "too small"),
        (np.full((256, 256), 7, np.uint8), "constant"),
        (np.tile(np.arange(256, dtype=np.uint8), (32, 4)), "a strip"),
        (np.random.default_rng(1).integers(0, 256, (16, 4096), np.uint8), "too small"),
    ],
)
@pytest.mark.parametrize("anatomy", ["", "brain", "lung"])
def test_what_is_no_picture_is_not_read(
    reading: Archive,
    member: Member,  # noqa: F811
    pixels: Any,
    why: str,
    anatomy: str,
) -> None:
    file = io.BytesIO(imagecodecs.png_encode(pixels))
    file.name = "odd.png"
    page, _ = asked(member.browser("clinician"), "/detect/", file=file, anatomy=anatomy)
    assert "Not read" in page
    assert why in page
    assert "Probabilities" not in page
