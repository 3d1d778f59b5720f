"""An archive with its web face in processes of its own, and Debian's Chromium to look at it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
PASSWORD = "correct horse battery"
SHOTS = Path(os.environ.get("MEDARCHIVE_SCREENSHOTS", Path(__file__).parents[2] / "build" / "screenshots"))


@dataclass(frozen=True)
class Site:
    """Where it is.

    Attributes:
        url: of the pages, without a slash at its end.
        port: of the DICOM node.
        folder: of the archive.
        environment: of its processes.
    """

    url: str
    port: int
    folder: Path
    environment: dict[str, str]

    def medarchive(self, *arguments: str, said: str = "") -> str:
        """Run a command on it."""
        command = [sys.executable, "-m", "medarchive", "--archive", str(self.folder), *arguments]
        ran = subprocess.run(command, input=said, capture_output=True, text=True, env=self.environment, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def account(self, name: str, role: str, sees: str = "all") -> None:
        """Make an account."""
        options = ["--email", f"{name}@example.org", "--role", role, "--sees", sees, "--password-stdin"]
        self.medarchive("users", "add", name, *options, said=PASSWORD)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site") / "archive"
    environment = {**os.environ, "MEDARCHIVE_INSIGHT": "true", "MEDARCHIVE_QUIET": "1"}
    command = [sys.executable, "-m", "medarchive", "--archive", str(folder), "serve", "--any-peer", "--port", "0"]
    with (folder.parent / "log").open("w") as log:
        serving = subprocess.Popen(
            [*command, "--web-port", "0"], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        assert serving.stdout is not None
        node, web = serving.stdout.readline(), serving.stdout.readline()
        assert web, (folder.parent / "log").read_text()
        port = int(node.partition(":")[2].partition(",")[0])
        yield Site(web.split()[-1].rstrip("/"), port, folder, environment)
        serving.terminate()
        assert serving.wait(60) == 0
        serving.stdout.close()
    assert "Traceback" not in (folder.parent / "log").read_text()


@pytest.fixture(scope="module")  # while it runs, the thread has an event loop, which Django minds
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    context = chromium.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of it. What its scripts complain about, and what its policy refuses, fails the test at its end."""
    page, faults = context.new_page(), []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:  # Chromium says so there alone
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", hear)
    yield page
    assert not faults


def log_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").or_(page.get_by_label("User name")).or_(page.get_by_label("Login")).first.fill(name)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url("**/studies/")


def shoot(page: Page, name: str) -> None:
    """Keep a picture of a page."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def check_access(page: Page) -> None:
    """No serious fault by axe's rules for accessibility."""
    found: Any = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious, f"{page.url}: {serious}"
