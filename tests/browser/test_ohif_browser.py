"""OHIF, from its npm package, over our DICOMweb: a CT that is stored in the learned codec, on the screen.

The package (`npm pack @ohif/app`, unpacked) has 200 MB and no test fetches it: MEDARCHIVE_OHIF names its folder.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.conftest import PASSWORD, log_in, shoot
from browser.series import CHEST, chest_ct
from medarchive.archive.archive import Archive
from medarchive.settings import Settings

OHIF = os.environ.get("MEDARCHIVE_OHIF", "")


@pytest.mark.skipif(not OHIF, reason="MEDARCHIVE_OHIF does not name an unpacked npm package @ohif/app")
def test_ohif_shows_a_series_of_the_learned_codec(tmp_path: Path, chromium: Browser) -> None:
    folder = tmp_path / "archive"
    with Archive.open(Settings(archive=folder, quiet=0)) as archive:
        for data in chest_ct(slices=20):
            archive.store(io.BytesIO(data))
        list(archive.compress(wait_for_all=True))
        list(archive.compress_together([f"{CHEST}.1"]))
        assert {group.codec for group in archive.stats().groups} == {"predictive"}
    medarchive = [sys.executable, "-m", "medarchive", "--archive", str(folder)]
    options = ["--email", "a@example.org", "--role", "clinician", "--sees", "all", "--password-stdin"]
    subprocess.run([*medarchive, "users", "add", "ann", *options], input=PASSWORD, text=True, check=True)
    command = [*medarchive, "serve", "--no-node", "--no-jobs", "--web-port", "0", "--ohif", OHIF]
    environment = {**os.environ, "MEDARCHIVE_WEB_OHIF_PORT": "0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as serving:
        assert serving.stdout is not None
        pages, viewer = (serving.stdout.readline().split()[-1].rstrip("/") for _ in range(2))
        context = chromium.new_context(base_url=pages, viewport={"width": 1280, "height": 800})
        page = context.new_page()
        log_in(page, "ann")
        page.goto(f"{viewer}/viewer?StudyInstanceUIDs={CHEST}", wait_until="domcontentloaded")
        page.wait_for_selector("canvas", timeout=120_000)
        page.wait_for_timeout(15_000)
        shoot(page, "ohif")
        lit = page.evaluate(_LIT)
        context.close()
        serving.terminate()
    assert lit > 5000, "OHIF's canvas shows nothing"


_LIT = """() => Math.max(0, ...[...document.querySelectorAll("canvas")].map((canvas) => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d");
  if (!canvas.width || !canvas.height) return 0;
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  return data.filter((value, at) => at % 4 === 0 && value > 40).length;
}))"""
