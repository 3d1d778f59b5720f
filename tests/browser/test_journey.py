"""A person's way through the pages, from asking for an account to logging out, in a real browser."""

import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from browser.conftest import PASSWORD, Site, check_access, log_in, shoot
from browser.series import BRAIN, CHEST, brain_mr, chest_ct
from contracts.objects import ct


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The files of two series."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for name, objects in {BRAIN: brain_mr(), CHEST: chest_ct()}.items():
        made[name] = [folder / f"{name}-{number:03}.dcm" for number in range(len(objects))]
        for path, data in zip(made[name], objects, strict=True):
            path.write_bytes(data)
    return made


def test_from_registration_to_logout(
    site: Site, context: BrowserContext, page: Page, files: dict[str, list[Path]], chromium: object
) -> None:
    register(page)
    site.account("root", "administrator")
    approve(site, context)
    log_in(page, "carol")
    check_access(page)
    upload(page, [*files[BRAIN], *files[CHEST]])
    look(page, CHEST)
    detect(page)
    results(page)
    similar(page)
    download(page, files)
    log_out(page)


def register(page: Page) -> None:
    page.goto("/")
    shoot(page, "home")
    check_access(page)
    page.get_by_role("link", name="Ask for an account").click()
    check_access(page)
    page.get_by_label("Username").or_(page.get_by_label("User name")).first.fill("carol")
    page.get_by_label("E-mail", exact=False).or_(page.get_by_label("Email", exact=False)).first.fill(
        "carol@example.org"
    )
    page.get_by_label("Role", exact=False).first.select_option("clinician")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    shoot(page, "registration")
    page.locator("main form button").first.click()
    expect(page.locator("main")).to_contain_text("approv")
    shoot(page, "waits-for-approval")
    check_access(page)


def approve(site: Site, context: BrowserContext) -> None:
    other = context.browser.new_context(base_url=site.url)  # type: ignore[union-attr]
    page = other.new_page()
    log_in(page, "root")
    page.get_by_role("link", name="Accounts").click()
    shoot(page, "accounts")
    check_access(page)
    page.get_by_role("link", name="carol").first.click()
    page.get_by_label("Sees", exact=False).or_(page.locator("select[name$=sees]")).first.select_option("all")
    page.get_by_role("button", name="Approve").first.click()
    shoot(page, "approved")
    check_access(page)
    other.close()


def upload(page: Page, paths: list[Path]) -> None:
    page.get_by_role("link", name="Upload").click()
    check_access(page)
    page.locator("#files").set_input_files(paths)
    expect(page.locator("#said")).to_contain_text(f"{len(paths)} stored", timeout=60_000)
    shoot(page, "upload")


def look(page: Page, study: str) -> None:
    page.goto("/studies/")
    expect(page.get_by_test_id("study-row")).to_have_count(2)
    shoot(page, "worklist")
    check_access(page)
    page.get_by_label("Patient", exact=False).first.fill("chest")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("study-row")).to_have_count(1)
    page.get_by_test_id("study-link").first.click()
    page.wait_for_url(f"**/studies/{study}/")
    shoot(page, "study")
    check_access(page)
    page.get_by_test_id("series-link").first.click()
    expect(page.get_by_test_id("viewer-state")).to_be_hidden(timeout=30_000)
    before = page.get_by_test_id("position").inner_text()
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("position")).not_to_have_text(before)
    page.get_by_test_id("preset").select_option("Lung")
    expect(page.get_by_test_id("overlay-window")).to_contain_text("1500")
    assert lit(page) > 1000, "the canvas is black"
    shoot(page, "viewer")
    check_access(page)


def lit(page: Page) -> int:
    """How many pixels of the canvas are not black."""
    read = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    counted = f"c => {read}.filter((value, at) => at % 4 === 0 && value > 20).length"
    return int(page.get_by_test_id("canvas").evaluate(counted))


def detect(page: Page) -> None:
    page.goto(f"/detect/{BRAIN}.1/")
    page.get_by_label("What it shows").select_option("brain")
    page.get_by_test_id("read").click()
    expect(page.get_by_test_id("heat")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("reading")).to_contain_text("Investigational")
    shoot(page, "detection")
    check_access(page)
    page.goto(f"/detect/{CHEST}.1/")
    page.get_by_test_id("read").click()
    expect(page.get_by_test_id("reading")).to_be_visible(timeout=60_000)
    page.get_by_test_id("results").click()


def results(page: Page) -> None:
    expect(page.get_by_test_id("result").first).to_be_visible()
    if page.get_by_test_id("reject").count():
        page.get_by_label("Note").first.fill("a phantom")
        page.get_by_test_id("reject").first.click()
        expect(page.get_by_test_id("correction").first).to_contain_text("Rejected by carol")
    shoot(page, "results")
    check_access(page)
    page.get_by_role("link", name="My results").click()
    expect(page.locator("main")).to_contain_text("CHEST")
    shoot(page, "my-results")
    check_access(page)


def similar(page: Page) -> None:
    page.goto(f"/similar/{CHEST}.1.10/")
    expect(page.get_by_test_id("similar-grid").locator("img").first).to_be_visible()
    shoot(page, "similar")
    check_access(page)


def download(page: Page, files: dict[str, list[Path]]) -> None:
    for study, paths in files.items():
        page.goto(f"/studies/{study}/")
        with page.expect_download() as waiting:
            page.get_by_test_id("download-study").click()
        got = zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes()))
        found = {got.read(name) for name in got.namelist()}
        assert {path.read_bytes() for path in paths} <= found


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/")
    page.goto("/studies/")
    assert "/accounts/login/" in page.url


def test_a_viewer_cannot_upload_and_a_stranger_sees_nothing(site: Site, page: Page) -> None:
    site.account("victor", "viewer")
    for path in (
        "/studies/",
        f"/studies/{CHEST}/",
        f"/series/{CHEST}.1/",
        "/upload/",
        "/detect/",
        "/storage/",
        "/audit/",
    ):
        answer = page.goto(path)
        assert answer is not None
        assert "/accounts/login/" in page.url, path
        assert "Carla" not in page.content()
    log_in(page, "victor")
    assert page.get_by_role("link", name="Upload").count() == 0
    for path in ("/upload/", "/detect/", "/storage/", "/audit/", "/accounts/people/"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status in (403, 404), path


def test_what_a_modality_pushes_is_in_qido_at_once(site: Site, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "pushed.dcm"
    file.write_bytes(ct(1, study="1.2.77", series="1.2.77.1", patient="PUSHED"))
    subprocess.run(["/usr/bin/storescu", "127.0.0.1", str(site.port), str(file)], check=True)
    site.account("wanda", "viewer")
    log_in(page, "wanda")
    found = page.request.get(f"{site.url}/dicom-web/studies?PatientID=PUSHED").json()
    assert [study["0020000D"]["Value"] for study in found] == [["1.2.77"]]
    page.goto("/studies/?patient=pushed")
    expect(page.get_by_test_id("study-row")).to_have_count(1)
