"""medarchive check, delete, undelete and collect."""

from pathlib import Path

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.settings import Settings

from .conftest import Cli


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Cli:
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(ct(number))
    assert cli("ingest", "1.dcm", "2.dcm").code == 0
    return cli


def test_a_sound_archive(filled: Cli) -> None:
    for arguments in ([], ["--read-data"]):
        ran = filled("check", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "2 instances, no fault found" in ran.out
    assert filled("check", "--json").json == []


def test_a_changed_byte_is_named_and_never_returned(filled: Cli, tmp_path: Path) -> None:
    (tmp_path / "3.dcm").write_bytes(ct(3, uid="1.2.3.3", series="1.2.3.2"))
    assert filled("ingest", "3.dcm").code == 0
    container = filled("show", "1.2.3.1.1.1", "--json").json["container"]
    blob = tmp_path / "archive" / "blobs" / container[:2] / container
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 4
    blob.chmod(0o600)
    blob.write_bytes(data)
    assert filled("check").code == 0  # structure alone does not show it
    ran = filled("check", "--read-data", "--json")
    assert ran.code == 50
    assert [(fault["kind"], fault["subject"]) for fault in ran.json] == [("corrupt", container)]
    assert container in filled("check", "--read-data").out
    got = filled("get", "1.2.3.1.1.1", "-o", "out")
    assert got.code == 44
    assert container in got.err
    assert list((tmp_path / "out").iterdir()) == []
    assert filled("get", "1.2.3.3", "-o", "out").code == 0, "another series shares nothing with it"


def test_delete_asks_shows_and_can_be_undone(filled: Cli) -> None:
    dry = filled("delete", "1.2.3.1", "--dry-run")
    assert (dry.code, "2 instances would be deleted" in dry.out) == (0, True)
    assert len(filled("find", "--level", "instance", "--json").json) == 2
    done = filled("delete", "1.2.3.1.1.1", "--yes")
    assert (done.code, "1 instances deleted" in done.out) == (0, True)
    assert [one["SOPInstanceUID"] for one in filled("find", "--level", "instance", "--json").json] == ["1.2.3.1.1.2"]
    assert filled("get", "1.2.3.1.1.1").code == 41
    assert filled("stats", "--json").json["deleted"] == 1
    assert filled("undelete", "1.2.3.1.1.1").code == 0
    assert len(filled("find", "--level", "instance", "--json").json) == 2
    assert filled("undelete", "1.2.3.1.1.1").code == 41


@pytest.mark.parametrize(("answer", "code", "left"), [("", 1, 2), ("n\n", 1, 2), ("y\n", 0, 0)])
def test_nothing_is_deleted_without_a_yes(filled: Cli, answer: str, code: int, left: int) -> None:
    assert filled("delete", "1.2.3.1", answer=answer).code == code
    assert len(filled("find", "--level", "instance", "--json").json) == left


def test_ingest_leaves_what_it_compressed_once(filled: Cli) -> None:
    stats = filled("stats", "--json").json
    assert stats["bytes_stored"] == stats["bytes_kept"]
    assert "0 blobs" in filled("collect").out


def test_collect_frees_what_compression_replaced(
    cli: Cli, filled: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (3, 4):
        (tmp_path / f"{number}.dcm").write_bytes(ct(number))
    assert cli("ingest", "3.dcm", "4.dcm", "--later").code == 0
    with Archive.open(Settings.load()) as archive:
        assert len(list(archive.compress())) == 2
    before = filled("stats", "--json").json
    assert before["bytes_stored"] > before["bytes_kept"]
    monkeypatch.setenv("MEDARCHIVE_GRACE", "0")
    removed = filled("collect", "--json").json
    assert (removed["purged"], removed["blobs"], removed["orphans"]) == (0, 2, 0)
    after = filled("stats", "--json").json
    assert after["bytes_stored"] == after["bytes_kept"] == before["bytes_kept"]
    assert "0 blobs" in filled("collect").out
    assert filled("check", "--read-data").code == 0
