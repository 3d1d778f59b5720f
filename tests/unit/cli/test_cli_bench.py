"""medarchive bench."""

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from contracts.objects import SHIPPED, ct
from medarchive.bench import peers

from .conftest import Cli

FEW = ("--codec", "zstd-planes", "--codec", "jpegls", "--codec", "htj2k")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(1, 4):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(ct(number, size=64))
    (tmp_path / "in" / "mr.dcm").write_bytes((SHIPPED / "MR_small.dcm").read_bytes())
    (tmp_path / "in" / "note.txt").write_text("hello")
    return tmp_path / "in"


def test_a_table_by_modality_and_in_total(cli: Cli, folder: Path) -> None:
    ran = cli("bench", folder, *FEW)
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert [line[:3] for line in lines if line[1:2] == ["jpegls"]] == [
        ["CT", "jpegls", "1"],
        ["MR", "jpegls", "1"],
        ["all", "jpegls", "2"],
    ]
    assert "size to jpegls" in ran.out
    assert "2 series, 4 frames" in ran.out
    assert "2 workers on" in ran.out
    assert "charls" in ran.out
    assert "note.txt: no DICM prefix" in ran.err


def test_json_has_everything(cli: Cli, folder: Path) -> None:
    seen = cli("bench", folder, *FEW, "--workers", 1, "--limit", 2, "--against", "htj2k", "--json", "-").json
    assert (seen["workers"], seen["against"]) == (1, "htj2k")
    assert {row["codec"] for row in seen["total"]} == {"zstd-planes", "jpegls", "htj2k"}
    assert [(about["name"], about["frames"]) for about in seen["series"]] == [("CT 1", 2), ("MR 1", 1)]
    assert len(seen["by_series"]) == 6
    total = next(row for row in seen["total"] if row["codec"] == "jpegls")
    assert total["bytes"] == sum(row["bytes"] for row in seen["by_series"] if row["codec"] == "jpegls")
    assert total["bits_per_pixel"] == pytest.approx(8 * total["bytes"] / (2 * 64 * 64 + 64 * 64))
    assert total["encode_mpx_s"] > 0
    assert total["decode_mpx_s"] > 0
    assert [Path(each["path"]).name for each in seen["passed_over"]] == ["note.txt"]


def test_near_lossless_stands_beside(cli: Cli, folder: Path) -> None:
    ran = cli("bench", folder, *FEW, "--max-error", 2)
    assert ran.code == 0
    near = ran.out.partition("No value off by more than 2")[2]
    assert "jpegls" in near
    assert "htj2k" not in near


def test_csv_and_plots(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli("bench", folder, *FEW, "--csv", "out.csv", "--plot", "out.svg").code == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["scope"] for row in rows].count("total") == 3
    drawn = ET.parse(tmp_path / "out.svg").getroot()
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("zstd-planes") == words.count("jpegls") == words.count("htj2k") == 2
    pytest.importorskip("PIL")
    assert cli("bench", folder, *FEW, "--plot", "out.png").code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_measured_for_a_file_that_may_not_be_written(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    ran = cli("bench", folder, *FEW, "--csv", "mine.csv")
    assert (ran.code, ran.out, "--force" in ran.err) == (42, "", True)
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert cli("bench", folder, *FEW, "--csv", "mine.csv", "--force").code == 0
    assert cli("bench", folder, *FEW, "--plot", "out.gif").code == 11
    assert cli("bench", folder, *FEW, "--plot", "nowhere/out.svg").code == 41


def test_a_codec_that_fails_is_said_and_ends_with_its_code(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_htj2k", lambda values, bits: b"nonsense")
    ran = cli("bench", folder, *FEW)
    assert ran.code == 20
    assert "FAILED htj2k on CT 1" in ran.err
    assert "FAILED htj2k on MR 1" in ran.err
    assert "0 of 2" in ran.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--codec", "mp3"), 22, "no codec 'mp3'; known are"),
        (("--against", "mp3"), 2, "mp3"),
    ],
)
def test_what_is_not_there_is_said(cli: Cli, folder: Path, options: tuple[str, ...], code: int, said: str) -> None:
    ran = cli("bench", folder, *options)
    assert (ran.code, said in ran.err) == (code, True)


def test_no_image_at_all(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    ran = cli("bench", tmp_path / "note.txt")
    assert (ran.code, "no image to measure" in ran.err) == (41, True)
