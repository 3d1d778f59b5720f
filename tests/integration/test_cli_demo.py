"""medarchive demo: the whole way, and that it would notice."""

import json
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID

from medarchive.cli.main import main
from medarchive.cli.modality import Modality
from medarchive.cli.roundtrip import SHIPPED

FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def test_everything_comes_back_identical(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "medarchive", "demo", "--slices", "3"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert (first.returncode, first.stderr) == (0, "")
    count = len(SHIPPED) + 3
    assert f"{count} objects sent by C-STORE, found by C-FIND, and back by C-GET and C-MOVE" in first.stdout
    assert all(what in first.stdout for what in SHIPPED.values())
    assert "check --read-data" in first.stdout
    assert (tmp_path / "demo-archive" / "catalogue.sqlite").exists()
    again = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    trips = json.loads(again.stdout)
    assert len(trips) == count
    for trip in trips:
        assert trip["identical"], trip
        assert 0 < trip["bytes_kept"] <= trip["bytes_in"]
        assert trip["seconds"] > 0
    assert {trip["codec"] for trip in trips} >= {"predictive", "jpegxl", "zstd"}
    kept = subprocess.run(
        [sys.executable, "-m", "medarchive", "stats", "--json", "--archive", "demo-archive"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(kept.stdout)["instances"] == count  # the second time it was all there already


def test_it_shows_every_way_in_which_objects_differ() -> None:
    headers = [pydicom.dcmread(FILES / name, stop_before_pixels=True) for name in SHIPPED]
    syntaxes = {UID(header.file_meta.TransferSyntaxUID).name for header in headers}
    wanted = (
        "Implicit",
        "Explicit VR Big",
        "Deflated",
        "RLE",
        "JPEG Baseline",
        "JPEG Extended",
        "JPEG-LS",
        "JPEG 2000",
    )
    for kind in wanted:
        assert any(syntax.startswith(kind) for syntax in syntaxes), kind
    assert {header.get("Modality") for header in headers} >= {"CT", "MR", "US", "NM", "SEG", "RTDOSE", "SR"}
    assert any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers)
    assert any(element.tag.is_private for header in headers for element in header)
    uids = [header.SOPInstanceUID for header in headers]
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_single_other_byte_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    honest = getattr(Modality, way)

    def other(modality: Modality, port: int, studies: list[str]) -> dict[str, bytes]:
        received: dict[str, bytes] = honest(modality, port, studies)
        uid = str(pydicom.dcmread(FILES / "CT_small.dcm").SOPInstanceUID)
        received[uid] = received[uid][:-1] + bytes([received[uid][-1] ^ 1])
        return received

    monkeypatch.setattr(Modality, way, other)
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--archive", str(tmp_path / "archive"), "--slices", "1"])
    assert ended.value.code == 51
    out, err = capsys.readouterr()
    assert "DIFFERENT CT_small.dcm" in err
    assert "byte for byte" not in out
