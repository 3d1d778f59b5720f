"""medarchive commitments."""

import io
from pathlib import Path

from pydicom.uid import CTImageStorage

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.settings import Settings

from .conftest import Cli


def asked(path: Path) -> None:
    with Archive.open(Settings(archive=path / "archive", effort=1)) as archive:
        archive.store(io.BytesIO(ct(1)))
        archive.commitments().request("CT1", "1.2.9", [(CTImageStorage, "1.2.3.1.1.1"), (CTImageStorage, "9.9")])
        list(archive.compress(kinds=("commit",)))
        archive.commitments().request("CT2", "1.2.10", [(CTImageStorage, "1.2.3.1.1.1")])


def test_nobody_asked(cli: Cli) -> None:
    assert cli("init").code == 0
    assert cli("commitments").out == "no peer has asked for storage commitment\n"
    assert cli("commitments", "--json").json == []


def test_requests_and_what_came_of_them(cli: Cli, tmp_path: Path) -> None:
    asked(tmp_path)
    first, second = cli("commitments", "--json").json
    assert first.pop("asked for")
    assert first == {
        "TransactionUID": "1.2.9",
        "peer": "CT1",
        "state": "decided",
        "instances": 2,
        "committed": 1,
        "failed": 1,
        "reported": "",
    }
    assert (second["peer"], second["state"], second["committed"]) == ("CT2", "asked", 0)
    assert "CT1" in cli("commitments").out
    reports = [job for job in cli("jobs", "--json").json if job["kind"] == "report"]
    assert [(job["state"], job["target"]) for job in reports] == [("waiting", 1)]


def test_the_instances_of_a_request(cli: Cli, tmp_path: Path) -> None:
    asked(tmp_path)
    here, gone = cli("commitments", "1.2.9", "--json").json
    assert (here["SOPInstanceUID"], here["outcome"], here["reason"]) == ("1.2.3.1.1.1", "committed", "")
    assert (gone["SOPInstanceUID"], gone["outcome"], gone["reason"]) == ("9.9", "failed", "0112 no such instance")
    assert cli("commitments", "1.2.10", "--json").json[0]["outcome"] == ""
    assert "no such instance" in cli("commitments", "1.2.9").out


def test_an_unknown_request(cli: Cli, tmp_path: Path) -> None:
    asked(tmp_path)
    ended = cli("commitments", "5.5")
    assert ended.code == 41
    assert ended.err == ("medarchive: no request for storage commitment 5.5; medarchive commitments lists them\n")
