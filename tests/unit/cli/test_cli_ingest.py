"""medarchive init, ingest and jobs."""

import os
from pathlib import Path

import pytest

from contracts.objects import SHIPPED, ct

from .conftest import Cli


def test_init_makes_an_archive_and_may_run_again(cli: Cli, tmp_path: Path) -> None:
    for _ in range(2):
        ran = cli("init")
        assert (ran.code, ran.err) == (0, "")
        assert str(tmp_path / "archive") in ran.out
    assert (tmp_path / "archive" / "catalogue.sqlite").exists()


def test_files_and_folders_go_in_compressed_and_the_originals_stay(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"{number}.dcm").write_bytes(ct(number))
    (tmp_path / "three").write_bytes(ct(3))
    ran = cli("ingest", tmp_path / "in", tmp_path / "three", "--json")
    assert (ran.code, ran.err) == (0, "")
    report = ran.json
    assert (report["files"], report["stored"], report["duplicates"], report["refused"]) == (3, 3, 0, 0)
    assert report["bytes_in"] == 3 * len(ct(1)) > report["bytes_kept"] > 0
    assert [one["SOPInstanceUID"] for one in report["instances"]] == ["1.2.3.1.1.1", "1.2.3.1.1.2", "1.2.3.1.1.3"]
    assert {one["codec"] for one in report["instances"]} <= {"predictive", "jpegxl", "zstd-planes"}
    assert (folder / "1.dcm").read_bytes() == ct(1)
    assert cli("jobs", "--json").json == []


def test_the_unreadable_are_refused_one_by_one_and_the_rest_goes_in(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a-text").write_text("hello")
    (tmp_path / "in" / "b.dcm").write_bytes(ct(1))
    os.mkfifo(tmp_path / "in" / "c-pipe")
    ran = cli("ingest", "in", "nowhere", "--json")
    assert ran.code == 31  # that of the first refusal: NotDicom
    assert [(one["path"], one["error"]) for one in ran.json["refusals"]] == [
        ("in/a-text", "NotDicom"),
        ("in/c-pipe", "OSError"),
        ("nowhere", "OSError"),
    ]
    assert ran.json["stored"] == 1
    assert "refused in/a-text: " in ran.err
    assert "refused nowhere: No such file" in ran.err
    assert "Traceback" not in ran.err


def test_a_dicomdir_is_refused_with_what_to_do_instead(cli: Cli) -> None:
    ran = cli("ingest", SHIPPED / "dicomdirtests" / "DICOMDIR")
    assert ran.code == 32
    assert "DICOMDIR" in ran.err
    assert "ingest the folder" in ran.err


def test_fragments_without_identity_are_refused(cli: Cli) -> None:
    ran = cli("ingest", SHIPPED / "priv_SQ.dcm", SHIPPED / "no_meta.dcm", "--json")
    assert ran.code != 0
    assert ran.json["stored"] == 0
    assert all(one["reason"] for one in ran.json["refusals"])


def test_later_leaves_compression_to_others_and_jobs_shows_it(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(ct(1))
    (tmp_path / "two").write_bytes(ct(2))
    assert cli("ingest", "one", "--later").code == 0
    (job,) = cli("jobs", "--json").json
    assert (job["kind"], job["state"], job["attempts"]) == ("compress", "waiting", 0)
    assert "waiting" in cli("jobs").out
    (instance,) = cli("find", "--level", "instance", "--json").json
    assert (instance["state"], instance["stored_bytes"]) == ("received", len(ct(1)))
    assert cli("ingest", "two").code == 0  # does what is waiting, too
    assert "no jobs" in cli("jobs").out
    assert cli("jobs", "--retry").code == 0


def test_the_same_again_is_a_duplicate_and_other_bytes_are_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(ct(1))
    (tmp_path / "other").write_bytes(ct(1, PatientName="Else^Someone"))
    assert cli("ingest", "one").code == 0
    again = cli("ingest", "one", "one", "--json")
    assert (again.code, again.json["stored"], again.json["duplicates"]) == (0, 0, 2)
    other = cli("ingest", "other")
    assert other.code == 42
    assert "the first stays" in other.err


def test_the_archive_itself_is_not_taken_in(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(ct(1))
    assert cli("ingest", ".").code == 0
    ran = cli("ingest", ".", "--json")
    assert (ran.code, ran.json["files"]) == (0, 1)


def test_the_summary_says_how_much_was_saved(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(ct(1, size=128))
    out = cli("ingest", "one").out
    assert "ratio" in out
    assert "kB" in out


@pytest.mark.parametrize("where", ["before", "after", "both", "variable", "settings"])
def test_the_archive_is_named_before_or_after_the_command(cli: Cli, tmp_path: Path, where: str) -> None:
    (tmp_path / "one").write_bytes(ct(1))
    (tmp_path / "settings.toml").write_text('archive = "named"\neffort = 1\n')
    wanted = tmp_path / ("archive" if where in ("variable", "settings") else "named")
    ran = {
        "before": lambda: cli("--archive", "named", "ingest", "one"),
        "after": lambda: cli("ingest", "one", "--archive", "named"),
        "both": lambda: cli("-a", "elsewhere", "ingest", "one", "-a", "named"),
        "variable": lambda: cli("ingest", "one"),
        "settings": lambda: cli("ingest", "one", "--settings", "settings.toml"),  # the variable wins
    }[where]()
    assert ran.code == 0
    assert [path.parent for path in tmp_path.rglob("catalogue.sqlite")] == [wanted]
