"""The viewer on series that are not all alike."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Site, check_access, log_in
from contracts.objects import ct, part10

SERIES = "1.2.88.1"


@pytest.fixture
def mixed(site: Site, page: Page, tmp_path: Path) -> Page:
    """A series at its first image: grey with a Modality LUT alone, colour, MONOCHROME1 with a VOI LUT."""
    common: dict[str, Any] = {"study": "1.2.88", "series": SERIES, "size": 16, "PixelData": bytes(512)}
    grey, voi = (pydicom.dcmread(io.BytesIO(ct(number, **common))) for number in (1, 3))
    grey.ModalityLUTSequence = [_table([100, 200])]
    voi.VOILUTSequence = [_table([0, 65535])]
    voi.PhotometricInterpretation = "MONOCHROME1"
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    colour = ct(2, **{**common, "PixelData": red.tobytes()}, SamplesPerPixel=3, PlanarConfiguration=0,
                PhotometricInterpretation="RGB", BitsAllocated=8, BitsStored=8, HighBit=7)  # fmt: skip
    for name, data in (("grey", part10(grey)), ("colour", colour), ("voi", part10(voi))):
        (tmp_path / f"{name}.dcm").write_bytes(data)
    site.medarchive("ingest", str(tmp_path))
    site.account("vera", "viewer")
    log_in(page, "vera")
    page.goto(f"/series/{SERIES}/")
    expect(page.get_by_test_id("position")).to_have_text("2 / 3")
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("overlay-slice")).to_contain_text("1 of 3")
    return page


def _table(entries: list[int]) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), 0, 16])
    item.add_new("LUTData", "US", entries)
    return item


def middle(page: Page) -> list[int]:
    """Red, green and blue in the middle of the canvas."""
    page.wait_for_timeout(200)
    read = "c => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data].slice(0, 3)"
    return list(page.get_by_test_id("canvas").evaluate(read))


def test_each_image_of_a_mixed_series_is_shown_as_it_wants(mixed: Page) -> None:
    window, state = mixed.get_by_test_id("overlay-window"), mixed.get_by_test_id("viewer-state")
    expect(state).to_be_hidden()
    expect(window).not_to_contain_text("Look-up table")
    mixed.keyboard.press("ArrowDown")
    expect(mixed.get_by_test_id("overlay-slice")).to_contain_text("2 of 3")
    expect(window).to_contain_text("W 255 · L 128")
    assert middle(mixed) == [255, 0, 0]
    mixed.keyboard.press("ArrowDown")
    expect(mixed.get_by_test_id("overlay-slice")).to_contain_text("3 of 3")
    expect(window).to_contain_text("Look-up table")
    assert middle(mixed) == [255, 255, 255]
    mixed.keyboard.press("Home")
    expect(mixed.get_by_test_id("overlay-slice")).to_contain_text("1 of 3")
    expect(state).to_be_hidden()
    expect(window).not_to_contain_text("Look-up table")
    mixed.keyboard.press("r")
    mixed.keyboard.press("h")
    expect(mixed.get_by_test_id("act-flipX")).to_have_attribute("aria-pressed", "true")
    expect(mixed.get_by_test_id("act-flipY")).to_have_attribute("aria-pressed", "false")
    check_access(mixed)
