"""Pages for those who run the archive: figures, jobs, policies, the audit record."""

import io
import json
from typing import Any

import pytest

from contracts.objects import ct
from medarchive.archive import jobs
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event

PAGES = ["/storage/", "/jobs/", "/policy/", "/audit/", "/audit/export/"]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number in range(1, 6):
        archive.store(io.BytesIO(ct(number, size=64)))
    archive.store(io.BytesIO(ct(1, study="1.2.4", series="1.2.4.1", patient="P2", Modality="MR")))
    list(archive.compress())
    return archive


@pytest.mark.parametrize("path", PAGES)
def test_who_may_see_them(member: Any, path: str) -> None:
    allowed = {"administrator"} if path.startswith("/audit") else {"archivist", "administrator"}
    for role in ("viewer", "clinician", "archivist", "administrator"):
        assert member.browser(role).get(path).status_code == (200 if role in allowed else 403), role


def test_a_refusal_is_written_down(archive: Archive, member: Any) -> None:
    member.browser("viewer").get("/storage/")
    event = next(archive.audit.events())
    assert (event.action, event.who, event.object, event.outcome) == ("refused", "viewer", "/storage/", "refused")


def test_the_dashboard_has_the_archives_figures(filled: Archive, member: Any) -> None:
    page = member.browser("archivist").get("/storage/").content.decode()
    stats = filled.stats()
    assert f"<dd>{stats.instances}</dd>" in page
    for modality in ("CT", "MR"):
        assert f"<td>{modality}</td>" in page
    assert page.count('<rect class="kept"') == 2 + len({group.codec for group in stats.groups})
    assert "All is well" in page
    assert "style=" not in page


def test_trouble_is_said(filled: Archive, member: Any) -> None:
    filled.catalog.write(lambda change: change.execute("DELETE FROM job"))
    filled.catalog.write(lambda change: jobs.enqueue(change, "compress", 1))
    filled.catalog.write(lambda change: change.execute("UPDATE job SET state = 'failed', error = ?", (HOSTILE,)))
    browser = member.browser("archivist")
    assert "1 job failed and waits" in browser.get("/storage/").content.decode()
    page = browser.get("/jobs/").content.decode()
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    answer = browser.post("/jobs/")
    assert answer.status_code == 302
    assert [job.state for job in filled.jobs()] == ["waiting"]
    assert next(filled.audit.events()).detail == "1 jobs retried"


def test_jobs_by_state_and_kind(filled: Archive, member: Any) -> None:
    filled.catalog.write(lambda change: jobs.enqueue(change, "compress", 1))
    browser = member.browser("archivist")
    assert "<td>compress</td>" in browser.get("/jobs/?state=waiting&kind=compress").content.decode()
    assert "<td>compress</td>" not in browser.get("/jobs/?state=failed").content.decode()


def test_a_policy_is_previewed_and_not_applied(filled: Archive, member: Any) -> None:
    browser = member.browser("archivist")
    assert "everything is kept lossless" in browser.get("/policy/").content.decode()
    rules = '[[policy]]\naction = "near-lossless"\nmax_error = 2\nkeep_original = true\nmodality = ["CT"]\n'
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    assert 'data-testid="preview"' in page
    assert "<td>1.2.3.1.1</td>" in page
    assert filled.stats().instances == 6
    assert not any(job.kind == "derive" for job in filled.jobs())


@pytest.mark.parametrize("text", ["nonsense", "port = 1", '[[policy]]\naction = "burn"', HOSTILE, "[[policy]]\n" * 500])
def test_rules_that_are_none_say_so(filled: Archive, member: Any, text: str) -> None:
    answer = member.browser("archivist").post("/policy/", {"rules": text})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert HOSTILE not in answer.content.decode()


def test_the_audit_page_shows_and_filters(archive: Archive, member: Any) -> None:
    browser = member.browser("administrator")
    archive.audit.note(*(Event("view", f"ann{n}", "10.0.0.1", "web", f"1.2.{n}") for n in range(150)))
    archive.audit.note(Event("query", HOSTILE, "10.0.0.2", "node"))
    page = browser.get("/audit/").content.decode()
    assert "ann149" in page
    assert "ann20<" not in page
    assert HOSTILE not in page
    older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "ann20<" in browser.get(f"/audit/{older}").content.decode()
    one = browser.get("/audit/?who=ann7").content.decode()
    assert ("ann7<" in one, "ann8<" in one) == (True, False)
    assert "no date" in browser.get("/audit/?since=yesterday").content.decode()
    assert "Every record is as it was written" in browser.get("/audit/?verify=1").content.decode()


def test_the_audit_record_is_exported(archive: Archive, member: Any) -> None:
    browser = member.browser("administrator")
    archive.audit.note(Event("view", "=1+1", "10.0.0.1", "web", "1.2.3"))
    lines = _body(browser.get("/audit/export/?format=json")).splitlines()
    assert [json.loads(line)["who"] for line in lines] == ["administrator", "=1+1"]
    assert "'=1+1" in _body(browser.get("/audit/export/?who=%3D1%2B1"))
    assert browser.get("/audit/export/?since=yesterday").status_code == 400


def _body(answer: Any) -> str:
    import asyncio

    async def read() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return asyncio.run(read()).decode()
