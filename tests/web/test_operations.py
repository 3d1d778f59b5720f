"""Pages for those who run the archive: figures, jobs, policies, the audit record."""

import html
import io
import json
import tomllib
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from contracts.objects import ct
from medarchive.archive import jobs
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.policy import parse_rules
from web.streamed import streamed

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


def fail(archive: Archive, kind: jobs.Kind = "compress", target: int = 1, error: str = "broken") -> None:
    archive.catalog.write(lambda change: jobs.enqueue(change, kind, target))
    sql = "UPDATE job SET state = 'failed', error = ? WHERE kind = ? AND target = ?"
    archive.catalog.write(lambda change: change.execute(sql, (error, kind, target)))


def test_one_job_is_tried_again(filled: Archive, member: Any) -> None:
    fail(filled, target=1)
    fail(filled, target=2)
    browser = member.browser("archivist")
    first, second = filled.jobs(state="failed")
    assert f'name="job" value="{second.id}"' in browser.get("/jobs/?state=failed").content.decode()
    assert browser.post("/jobs/", {"job": str(second.id)}).status_code == 302
    assert [job.id for job in filled.jobs(state="failed")] == [first.id]
    assert next(filled.audit.events()).detail == f"job {second.id} retried"
    browser.post("/jobs/", {"job": "999999"})
    assert "No failed job was left" in browser.get("/jobs/").content.decode()


def test_jobs_say_what_they_are_of_and_come_in_pages(filled: Archive, member: Any) -> None:
    filled.catalog.write(lambda change: change.execute("DELETE FROM job"))
    fail(filled, target=1)
    for number in range(1000, 1150):
        filled.catalog.write(lambda change, n=number: jobs.enqueue(change, "group", n))  # type: ignore[misc]
    browser = member.browser("archivist")
    page = browser.get("/jobs/").content.decode()
    assert '<a href="/instances/1.2.3.1.1.1/">1.2.3.1.1.1</a>' in page
    assert ("number 1098<" in page, "number 1099<" in page) == (True, False)
    later = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    page = browser.get(f"/jobs/{later}").content.decode()
    assert ("number 1099<" in page, "number 1149<" in page, 'rel="next"' in page) == (True, True, False)
    for odd in ("-1", "nonsense", "9" * 40, "1;2", "\u0661"):
        assert browser.get("/jobs/", {"after": odd}).status_code == 200


def test_of_studies_that_an_account_does_not_see_it_learns_nothing(filled: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import SharedStudy, User

    filled.catalog.write(lambda change: change.execute("DELETE FROM job"))
    fail(filled, target=1, error="broken: 1.2.3.1.1.1")
    fail(filled, target=6, error="broken: 1.2.4.1.1")
    filled.commitments().request("CT1", "1.9.9", [("1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1.1")])
    browser = member.browser("archivist", sees="shared")
    SharedStudy.objects.create(user=User.objects.get(username="archivist"), study_uid="1.2.4", by="x")
    page = browser.get("/jobs/").content.decode()
    assert ("1.2.3.1.1.1" in page, "1.9.9" in page, "broken: 1.2.4.1.1" in page) == (False, False, True)
    assert page.count(">compress</td>") == 2, "that there is work is no secret"
    rules = '[[policy]]\naction = "near-lossless"\nmax_error = 2\nkeep_original = true\n'
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    assert (">1.2.3.1.1</td>" in page, ">1.2.4.1</td>" in page) == (False, True)
    SharedStudy.objects.all().delete()
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    assert (">1.2.4.1</td>" in page, "No series" in page) == (False, True)


def test_jobs_by_state_and_kind(filled: Archive, member: Any) -> None:
    filled.catalog.write(lambda change: jobs.enqueue(change, "compress", 1))
    browser = member.browser("archivist")
    assert '<td class="whole">compress</td>' in browser.get("/jobs/?state=waiting&kind=compress").content.decode()
    assert "compress</td>" not in browser.get("/jobs/?state=failed").content.decode()


def test_a_policy_is_previewed_and_not_applied(filled: Archive, member: Any) -> None:
    browser = member.browser("archivist")
    assert "everything is kept lossless" in browser.get("/policy/").content.decode()
    rules = '[[policy]]\naction = "near-lossless"\nmax_error = 2\nkeep_original = true\nmodality = ["CT"]\n'
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    assert 'data-testid="preview"' in page
    assert ">1.2.3.1.1</td>" in page
    assert filled.stats().instances == 6
    assert not any(job.kind == "derive" for job in filled.jobs())


def test_a_preview_says_what_to_do_with_the_rules(filled: Archive, member: Any) -> None:
    browser = member.browser("archivist")
    rules = (
        '[[policy]]\naction = "near-lossless"\nmax_error = 2\nkeep_original = false\ngrace_days = 30\n'
        'image_type = ["ORIGINAL\\\\PRIMARY"]  # a remark\n'
    )
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    clean = html.unescape(page.partition('data-testid="clean">')[2].partition("</pre>")[0])
    assert parse_rules(tomllib.loads(clean)["policy"]) == parse_rules(tomllib.loads(rules)["policy"])
    assert "remark" not in clean
    assert "lost for good" in page
    filled.settings = replace(filled.settings, policy=parse_rules(tomllib.loads(rules)["policy"]))
    shown = html.unescape(browser.get("/policy/").content.decode().partition('spellcheck="false">')[2])
    assert tomllib.loads(shown.partition("</textarea>")[0]) == tomllib.loads(rules)
    page = browser.post("/policy/", {"rules": rules}).content.decode()
    assert "To have them apply" not in page, "they do already"


def test_a_preview_is_bounded_in_time_and_one_at_a_time(
    filled: Archive, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medarchive.web.operations import policy

    browser = member.browser("archivist")
    rules = {"rules": '[[policy]]\naction = "lossless"\n'}
    monkeypatch.setattr(policy, "_SECONDS", -1.0)
    assert "There was time for the first 1 lines only" in browser.post("/policy/", rules).content.decode()
    monkeypatch.setattr(policy, "_SECONDS", 20.0)
    with policy._ONE:
        answer = browser.post("/policy/", rules)
    assert (answer.status_code, b"under way" in answer.content) == (503, True)
    assert browser.post("/policy/", rules).status_code == 200
    assert b"20000 at most" in browser.post("/policy/", {"rules": "#" * 20_001}).content


def test_the_last_check_is_shown_and_its_faults_are_trouble(
    filled: Archive, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.cache import cache

    from medarchive.web.operations import dashboard

    monkeypatch.setattr(dashboard, "_FRESH", 600)  # or a slow machine shows new ones
    browser = member.browser("archivist")
    assert "medarchive check" in browser.get("/storage/").content.decode()
    filled.audit.note(Event("check", "root", "", "cli", "", "failed", f"3 faults {HOSTILE}"))
    assert "3 faults" not in browser.get("/storage/").content.decode(), "figures are some seconds old"
    cache.clear()
    page = browser.get("/storage/").content.decode()
    assert "The last check found 3 faults" in page
    assert HOSTILE not in page


def test_plots_have_words_and_tables(filled: Archive, member: Any) -> None:
    page = member.browser("archivist").get("/storage/").content.decode()
    plots = page.split("<svg")[1:]
    assert len(plots) == 3
    for plot in plots:
        inside, _, after = plot.partition("</svg>")
        names = inside.partition('aria-labelledby="')[2].partition('"')[0].split()
        assert [f'id="{name}"' in inside for name in names] == [True, True]
        assert "<desc" in inside
        assert "<table>" in after.partition("</section>")[0]
        assert not any(part in plot for part in ("style=", "fill=", "<script"))


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
    wanted = browser.get("/audit/?action=query&outcome=success&face=node&origin=10.0.0.2").content.decode()
    assert ("&lt;script&gt;" in wanted, "ann7<" in wanted, "<option selected>query</option>" in wanted) == (
        True,
        False,
        True,
    )
    assert str(archive.audit.head()) in browser.get("/audit/").content.decode()
    assert "no date" in browser.get("/audit/?since=yesterday").content.decode()
    assert "Every record is as it was written" in browser.get("/audit/?verify=1").content.decode()


def test_who_reads_the_audit_record_stands_in_it_once(archive: Archive, member: Any) -> None:
    browser = member.browser("administrator")
    for _ in range(3):
        browser.get("/audit/")
    assert [(one.action, one.who, one.object) for one in archive.audit.events()] == [("view", "administrator", "audit")]


def test_a_changed_record_is_shown(archive: Archive, member: Any) -> None:
    archive.audit.note(Event("view", "ann", "10.0.0.1", "web", "1.2.3"))
    archive.catalog.write(lambda change: change.execute("DROP TRIGGER audit_no_update"))
    archive.catalog.write(lambda change: change.execute("UPDATE audit SET who = 'eve'"))
    page = member.browser("administrator").get("/audit/?verify=1").content.decode()
    assert "Record 1 was changed" in page


def test_the_audit_record_is_exported_as_messages(archive: Archive, member: Any) -> None:
    browser = member.browser("administrator")
    archive.audit.note(Event("query", HOSTILE, "10.0.0.1", "node", detail="C-FIND STUDY by PatientName"))
    answer = browser.get("/audit/export/?format=xml&action=query")
    assert answer["Content-Disposition"] == 'attachment; filename="audit.xml"'
    (line,) = streamed(answer).decode().splitlines()
    assert ET.fromstring(line).findall("ActiveParticipant")[0].attrib["UserID"] == HOSTILE


def test_the_audit_record_is_exported(archive: Archive, member: Any) -> None:
    browser = member.browser("administrator")
    archive.audit.note(Event("view", "=1+1", "10.0.0.1", "web", "1.2.3"))
    lines = streamed(browser.get("/audit/export/?format=json")).decode().splitlines()
    assert [json.loads(line)["who"] for line in lines] == ["administrator", "=1+1"]
    assert "'=1+1" in streamed(browser.get("/audit/export/?who=%3D1%2B1")).decode()
    assert browser.get("/audit/export/?since=yesterday").status_code == 400
