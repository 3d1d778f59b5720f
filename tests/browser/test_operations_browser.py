"""What those who run the archive see, in Chromium: plots, jobs, policies and audit, without serious findings of axe."""

import io

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Site, check_access, log_in, shoot
from contracts.objects import ct
from medarchive.archive import jobs
from medarchive.archive.archive import Archive
from medarchive.archive.catalog import Transaction
from medarchive.settings import Settings

RULES = """[[policy]]
action = "near-lossless"
max_error = 2
keep_original = true
modality = ["CT"]
"""
ROWS = "Array.from(document.querySelectorAll('tbody tr'), row => row.offsetHeight)"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def admin(site: Site) -> Site:
    """With some series of two modalities, and a job that failed."""
    site.account("root", "administrator")
    with Archive.open(Settings(archive=site.folder)) as archive:
        for number in range(1, 7):
            modality = "MR" if number > 4 else "CT"
            study = f"1.2.{number}"
            data = ct(number, size=64, study=study, series=f"{study}.1", Modality=modality)
            archive.store(io.BytesIO(data))
        archive.catalog.write(fail)
    return site


def fail(change: Transaction) -> None:
    """Add a job of a series that there is not, which failed."""
    jobs.enqueue(change, "group", 999)
    change.execute("UPDATE job SET state = 'failed', error = ? WHERE target = 999", (HOSTILE,))


def test_the_pages_of_operation(admin: Site, page: Page) -> None:
    log_in(page, "root")
    page.get_by_role("link", name="Storage").click()
    expect(page.get_by_role("img", name="Bytes that came in on each of the last 30 days")).to_be_visible()
    expect(page.get_by_role("heading", name="By codec")).to_be_visible()
    shoot(page, "storage")
    check_access(page)

    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    shoot(page, "jobs")
    check_access(page)
    page.get_by_role("button", name="Try job").first.click()
    expect(page.get_by_text("will be tried again")).to_be_visible()

    page.get_by_role("link", name="Policy").click()
    page.get_by_label("Rules").fill(RULES)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_test_id("preview")).to_be_visible()
    page.get_by_text("By series").click()
    shoot(page, "policy")
    check_access(page)

    page.get_by_role("link", name="Audit").click()
    page.get_by_label("Action").select_option("configure")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_test_id("audit").locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Check that none was changed").click()
    expect(page.get_by_text("Every record is as it was written")).to_be_visible()
    shoot(page, "audit")
    check_access(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename == "audit.csv"


def test_on_a_tablet_nothing_is_wider_than_the_page(admin: Site, page: Page) -> None:
    page.set_viewport_size({"width": 768, "height": 1024})
    log_in(page, "root")
    for path in ("/storage/", "/jobs/", "/policy/", "/audit/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 768, path
        assert all(row < 200 for row in page.evaluate(ROWS)), f"{path}: columns are too narrow to read"
        check_access(page)
