"""medarchive compress, and slices that are coded together, as the command line shows them."""

from pathlib import Path

import pytest

from contracts.differences import NAME, register
from contracts.volumes import SERIES, volume

from .conftest import Cli


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Slices that were taken in before there was a codec that codes them together."""
    register(monkeypatch)
    monkeypatch.setenv("MEDARCHIVE_CODECS", "zstd-planes")
    for uid, data in volume(6).items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    assert cli("ingest", *sorted(tmp_path.glob("*.dcm"))).code == 0
    monkeypatch.setenv("MEDARCHIVE_CODECS", f"{NAME},zstd-planes")
    return cli


def test_ingest_codes_complete_series_together_at_once(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    monkeypatch.setenv("MEDARCHIVE_CODECS", f"{NAME},zstd-planes")
    for uid, data in volume(4).items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    report = cli("ingest", *tmp_path.glob("*.dcm"), "--json").json
    assert {one["codec"] for one in report["instances"]} == {NAME}
    assert cli("jobs", "--json").json == []
    stats = cli("stats", "--json").json
    assert stats["bytes_stored"] == stats["bytes_kept"] == report["bytes_kept"]
    shown = cli("show", f"{SERIES}.2", "--json").json
    assert (shown["slice"], shown["state"]) == ("2 of 4 in its container", "in its final form")
    assert cli("check", "--read-data").code == 0


def test_a_dry_run_estimates_and_changes_nothing(filled: Cli) -> None:
    before = filled("stats", "--json").json
    ran = filled("compress", "--all", "--dry-run", "--json")
    assert ran.code == 0
    (series,) = ran.json["series"]
    assert (series["SeriesInstanceUID"], series["instances"], ran.json["estimated"]) == (SERIES, 6, True)
    assert before["bytes_kept"] == ran.json["bytes_before"] > ran.json["bytes_after"]
    assert filled("stats", "--json").json == before
    out = filled("compress", SERIES, "--dry-run").out
    assert "would be" in out
    assert "%" in out


def test_compress_and_undo(filled: Cli) -> None:
    before = filled("stats", "--json").json
    estimated = filled("compress", SERIES, "--dry-run", "--json").json
    done = filled("compress", SERIES, "--json").json
    assert [done[name] for name in ("bytes_before", "bytes_after")] == [
        estimated[name] for name in ("bytes_before", "bytes_after")
    ]
    assert filled("stats", "--json").json["bytes_kept"] == done["bytes_after"]
    assert "nothing to do" in filled("compress", "--all").out
    assert filled("check", "--read-data").code == 0
    undone = filled("compress", "--undo", SERIES)
    assert (undone.code, "6 instances" in undone.out) == (0, True)
    assert filled("stats", "--json").json["bytes_kept"] == before["bytes_kept"]
    again = filled("compress", "--undo", SERIES)
    assert (again.code, "nothing to undo" in again.err) == (41, True)
    noted = [(one["object"], one["detail"]) for one in filled("audit", "--action", "configure", "--json").json]
    assert noted == [
        (SERIES, "compression undone for 6 instances"),
        (SERIES, "6 instances compressed again: the codecs of the settings, effort 1"),
    ]
    assert filled("compress", "--all", "--codec", "zstd-planes", "--effort", "9").code == 0
    assert filled("check", "--read-data").code == 0


@pytest.mark.parametrize("arguments", [[], ["1.2", "--all"], ["--all", "--undo", "1.2"]])
def test_what_to_compress_must_be_said_in_one_way(filled: Cli, arguments: list[str]) -> None:
    assert filled("compress", *arguments).code == 2


def test_wrong_names_are_refused_and_change_nothing(filled: Cli) -> None:
    assert filled("compress", "9.9.9").code == 41
    assert filled("compress", "--all", "--codec", "gif").code == 22
    assert filled("jobs", "--json").json == []


def test_collect_writes_groups_again_without_what_was_purged(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDARCHIVE_UNDO", "0")
    monkeypatch.setenv("MEDARCHIVE_UNDELETE", "0")
    monkeypatch.setenv("MEDARCHIVE_GRACE", "0")
    assert filled("compress", "--all").code == 0
    assert filled("collect").code == 0
    container = filled("show", f"{SERIES}.1", "--json").json["container"]
    assert filled("delete", f"{SERIES}.2", "--yes").code == 0
    collected = filled("collect", "--json").json
    assert (collected["purged"], collected["blobs"]) == (1, 2)  # its header, and the container that had it
    shown = filled("show", f"{SERIES}.1", "--json").json
    assert shown["slice"] == "1 of 5 in its container"
    assert shown["container"] != container
    stats = filled("stats", "--json").json
    assert stats["bytes_stored"] == stats["bytes_kept"]
    assert filled("check", "--read-data").code == 0
