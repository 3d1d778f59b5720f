"""How long a browser waits for the first image of a CT of 200 slices that nobody has looked at yet.

    python benchmarks/first_image.py [--slices 200] [--repeat 5] [--json FILE]

A CT of 512 x 512 in the learned codec, in groups; Debian's Chromium, logged in, opens the page of its series. Counted
from the start of the navigation to the image on the canvas: *cold* with a server that was just started, so that a group
is decoded first, *again* in a new page of the same browser.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from playwright.sync_api import BrowserContext, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from browser.conftest import CHROMIUM, log_in
from dicomweb_rate import NAME, STUDY, made, served, stored


def shown(page: Page, base: str) -> float:
    """Milliseconds until the viewer has its first image on the canvas."""
    page.goto(f"{base}/series/{STUDY}.1/")
    return float(page.locator("[data-ready]").get_attribute("data-ready") or "nan")


def measured(context: BrowserContext, base: str) -> dict[str, float]:
    page = context.new_page()
    log_in(page, NAME)
    return {"cold": shown(page, base), "again": shown(context.new_page(), base)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        files, folder = Path(scratch) / "files", Path(scratch) / "archive"
        files.mkdir()
        stored(folder, made(files, 0, arguments.slices))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(arguments.repeat):
            with served(folder) as base, browser.new_context(base_url=base) as context:
                runs.append(measured(context, base))
        browser.close()
    table = Table("", "median", "least", "most", title="First image of a CT, ms")
    for name in runs[0]:
        values = [run[name] for run in runs]
        table.add_row(name, *(f"{value:.0f}" for value in (statistics.median(values), min(values), max(values))))
    Console().print(table)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"machine": platform.processor(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
