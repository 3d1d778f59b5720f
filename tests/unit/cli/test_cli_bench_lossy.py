"""medarchive bench-lossy and bench-profile."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from contracts.objects import SHIPPED, ct
from medarchive.bench.lossy.contenders import Bounded
from medarchive.image import Image

from .conftest import Cli

FEW = ("--codec", "zstd-planes", "--codec", "jpeg2000")
TWO = ("--rate", 1, "--rate", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(1, 4):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(ct(number, size=64))
    (tmp_path / "in" / "mr.dcm").write_bytes((SHIPPED / "MR_small.dcm").read_bytes())
    (tmp_path / "in" / "colour.dcm").write_bytes((SHIPPED / "SC_rgb_small_odd.dcm").read_bytes())
    (tmp_path / "in" / "note.txt").write_text("hello")
    return tmp_path / "in"


def test_a_table_by_image_by_modality_and_in_total(cli: Cli, folder: Path) -> None:
    ran = cli("bench-lossy", folder, *FEW, *TWO)
    assert ran.code == 0
    assert "Bytes beyond jpeg2000's at the same quality, 1 to 3 bits a pixel" in ran.out
    lines = [line.split() for line in ran.out.splitlines() if "zstd-planes" in line]
    assert {line[0] for line in lines} == {"CT", "MR", "all"}
    assert "2 images" in ran.out
    assert "note.txt: no DICM prefix" in ran.err
    assert "colour.dcm: in colour" in ran.err


def test_json_has_every_point_and_no_number_that_is_none(cli: Cli, folder: Path) -> None:
    seen = cli("bench-lossy", folder, *FEW, *TWO, "--json", "-").json
    assert seen["rates"] == [1, 3]
    by_name = {(image["about"]["name"], curve["name"]): curve for image in seen["images"] for curve in image["curves"]}
    assert set(by_name) == {
        (image, codec) for image in ("CT 1", "MR 1") for codec in ("zstd-planes near-lossless", "jpeg2000")
    }
    points = by_name["MR 1", "jpeg2000"]["points"]
    assert [point["bits_per_pixel"] for point in points] == pytest.approx([1, 3], rel=0.04)
    assert points[0]["psnr"] < points[1]["psnr"]
    assert {row["metric"] for row in seen["compared"]} == {"psnr", "ms_ssim"}
    assert {row["against"] for row in seen["compared"]} == {"jpeg2000"}
    assert [Path(each["path"]).name for each in seen["passed_over"]] == ["note.txt", "colour.dcm"]


def test_plots(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli("bench-lossy", folder, *FEW, *TWO, "--plot", "out.svg").code == 0
    drawn = ET.parse(tmp_path / "out.svg").getroot()
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"CT (1): PSNR, dB", "MR (1): MS-SSIM in window, dB", "jpeg2000"} <= set(words)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) >= 8
    again = cli("bench-lossy", folder, *FEW, *TWO, "--plot", "out.svg")
    assert (again.code, "--force" in again.err) == (42, True)
    pytest.importorskip("PIL")
    assert cli("bench-lossy", folder / "mr.dcm", *FEW, *TWO, "--plot", "out.png").code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_codec_that_falls_over_is_said(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Bounded, image: Image, setting: float) -> bytes:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(Bounded, "encode", fails)
    ran = cli("bench-lossy", folder, *FEW, *TWO)
    assert ran.code == 20
    assert "FAILED zstd-planes near-lossless on CT 1: ZeroDivisionError: of all things" in ran.err
    assert "no overlap" in ran.out


def test_the_fewest_bytes_that_pass_a_profile(cli: Cli, folder: Path) -> None:
    seen = cli("bench-profile", "mr", folder / "mr.dcm", *FEW, "--json", "-").json
    assert seen["profile"] == "mr"
    rows = {row["codec"]: row for row in seen["kept"] if row["scope"] == "total"}
    near, lossless = rows["zstd-planes near-lossless"], rows["zstd-planes lossless"]
    assert near["bytes"] < lossless["bytes"]
    assert near["size_to"]["zstd-planes lossless"] == pytest.approx(near["bytes"] / lossless["bytes"])
    assert (lossless["max_error"], lossless["psnr"]) == (0, None)
    assert near["max_error"] > 0
    ran = cli("bench-profile", "mr", folder / "mr.dcm", *FEW)
    assert (ran.code, "Fewest bytes that pass mr" in ran.out) == (0, True)


def test_of_what_may_lose_nothing_only_lossless_passes(cli: Cli, folder: Path) -> None:
    seen = cli("bench-profile", "lossless", folder / "mr.dcm", *FEW, "--json", "-").json
    rows = {row["codec"]: row for row in seen["kept"] if row["scope"] == "image"}
    assert rows["zstd-planes lossless"]["images"] == 1
    assert rows["zstd-planes near-lossless"]["trouble"] == "passes at no setting"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bench-lossy", "in", "--codec", "mp3"), 22, "no codec 'mp3'"),
        (("bench-lossy", "in/note.txt"), 41, "no image to measure"),
        (("bench-profile", "ct-toe", "in"), 11, "no fidelity profile 'ct-toe'"),
        (("bench-lossy", "in", "--plot", "out.gif"), 11, "draws .svg and .png"),
    ],
)
def test_what_is_not_there_is_said(cli: Cli, folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = cli(*arguments)
    assert (ran.code, said in ran.err) == (code, True)
