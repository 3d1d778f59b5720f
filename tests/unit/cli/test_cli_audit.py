"""medarchive audit, and what the other commands write down."""

import json
import os
import pwd
import sqlite3
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event
from medarchive.settings import Settings

from .conftest import Cli

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Cli:
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(ct(number))
    (tmp_path / "3.dcm").write_bytes(ct(1, study="1.2.4", series="1.2.4.1"))
    (tmp_path / "bad.dcm").write_bytes(b"bad")
    assert cli("ingest", "1.dcm", "2.dcm", "3.dcm", "bad.dcm").code != 0
    return cli


def told(cli: Cli) -> list[tuple[str, str, str, str]]:
    """The oldest first."""
    found = cli("audit", "--json").json[::-1]
    assert {(one["who"], one["face"], one["origin"]) for one in found} <= {(ME, "cli", "")}
    return [(one["action"], one["object"], one["outcome"], one["detail"]) for one in found]


def test_what_commands_change_is_written_down(filled: Cli) -> None:
    for command in (
        ("delete", "1.2.3.1", "--dry-run"),
        ("delete", "1.2.3.1", "1.2.4", "--yes"),
        ("undelete", "1.2.3.1.1.1"),
        ("check",),
        ("compress", "--all", "--effort", "3"),
        ("jobs", "--retry"),
        ("policy", "apply"),
        ("policy", "apply", "--dry-run"),
    ):
        assert filled(*command).code == 0, command
    assert told(filled) == [
        ("upload", "1.2.3.1", "success", "2 instances"),
        ("upload", "1.2.4", "success", "1 instances"),
        ("delete", "1.2.3.1", "success", "2 instances"),
        ("delete", "1.2.4", "success", "1 instances"),
        ("undelete", "1.2.3.1.1.1", "success", ""),
        ("check", "", "success", "0 faults in 1 instances, structure only"),
        ("configure", "1.2.3.1.1", "success", "1 instances compressed again: the codecs of the settings, effort 3"),
        ("configure", "", "success", "0 jobs retried"),
        ("configure", "", "success", "policy applied to 1 series"),
    ]


def test_what_was_deleted_before_an_interruption_is_written_down(
    filled: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Archive.delete

    def interrupted(archive: Archive, uid: str) -> None:
        if uid.endswith(".2"):
            raise KeyboardInterrupt
        delete(archive, uid)

    monkeypatch.setattr(Archive, "delete", interrupted)
    assert filled("delete", "1.2.3.1", "--yes").code != 0
    assert told(filled)[-1] == ("delete", "1.2.3.1", "success", "1 instances")


def test_faults_are_a_failed_check(filled: Cli, tmp_path: Path) -> None:
    blob = next(path for path in (tmp_path / "archive" / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    assert filled("check").code == 50
    action, _, outcome, detail = told(filled)[-1]
    assert (action, outcome, detail.partition(" ")[0]) == ("check", "failed", "1")


@pytest.fixture
def record(cli: Cli, tmp_path: Path) -> Cli:
    with Archive.open(Settings(archive=tmp_path / "archive")) as archive:
        archive.audit.note(*(Event("view", f"ann{n}", "10.0.0.1", "web", f"1.2.{n}") for n in range(150)))
        archive.audit.note(Event("delete", "bob", "10.0.0.2", "web", "1.2.7", "refused", "why"))
    return cli


def test_a_table_has_the_newest_and_json_all(record: Cli) -> None:
    table = record("audit").out
    assert ("ann149" in table, "ann50 " in table) == (True, False)
    assert len(record("audit", "--json").json) == 151
    assert len(record("audit", "--json", "-n", "7").json) == 7
    assert record("audit", "--json", "--who", "nobody").json == []


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--who", "ann7"], 1),
        (["--object", "1.2.7"], 2),
        (["--action", "delete"], 1),
        (["--outcome", "refused", "--face", "web", "--from", "10.0.0.2"], 1),
        (["--since", "2020-01-01", "--until", "2020-12-31"], 0),
        (["--since", "2020-01-01"], 151),
        (["--who", "' OR 1=1 --"], 0),
    ],
)
def test_filters(record: Cli, options: list[str], count: int) -> None:
    assert len(record("audit", "--json", *options).json) == count


def test_a_day_is_meant_to_its_end(record: Cli) -> None:
    day = datetime.fromtimestamp(record("audit", "--json", "-n", "1").json[0]["at"]).date().isoformat()
    assert len(record("audit", "--json", "--since", day, "--until", day).json) == 151


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "yesterday"], "expected a date"),
        (["--until", "2026-99-99"], "expected a date"),
        (["--action", "burn"], "login"),
        (["--outcome", "good"], "refused"),
        (["--against", "nonsense"], "NUMBER:HASH"),
    ],
)
def test_what_makes_no_sense_is_said(record: Cli, options: list[str], said: str) -> None:
    ran = record("audit", *options)
    assert ran.code != 0
    assert said in ran.err


def test_xml_is_a_message_a_line(record: Cli) -> None:
    lines = record("audit", "--xml").out.splitlines()
    assert len(lines) == 151
    assert {ET.fromstring(line).tag for line in lines} == {"AuditMessage"}


def test_tampering_is_found_and_so_is_a_record_that_was_cut(record: Cli, tmp_path: Path) -> None:
    ran = record("audit", "--verify")
    head = ran.out.split()[-1]
    assert (ran.code, head.partition(":")[0]) == (0, "151")
    assert record("audit", "--against", head).code == 0
    with sqlite3.connect(tmp_path / "archive" / "catalogue.sqlite") as catalogue:
        catalogue.execute("DROP TRIGGER audit_no_delete")
        catalogue.execute("DELETE FROM audit WHERE id = 151")
    assert record("audit", "--verify").code == 0
    ran = record("audit", "--against", head)
    assert (ran.code, "is not in this one" in ran.err) == (1, True)
    with sqlite3.connect(tmp_path / "archive" / "catalogue.sqlite") as catalogue:
        catalogue.execute("DROP TRIGGER audit_no_update")
        catalogue.execute("UPDATE audit SET who = 'eve' WHERE id = 3")
    ran = record("audit", "--verify")
    assert (ran.code, "record 3 was changed" in ran.err) == (1, True)


def test_json_is_an_array_whatever_is_in_it(cli: Cli, tmp_path: Path) -> None:
    with Archive.open(Settings(archive=tmp_path / "archive")) as archive:
        archive.audit.note(Event("query", '"]\u001b[31m', "", "node", "é"))
    ran = cli("audit", "--json")
    assert [(one["who"], one["object"]) for one in json.loads(ran.out)] == [('"]\u001b[31m', "é")]
    assert "\u001b" not in cli("audit").out
