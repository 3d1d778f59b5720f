"""What is read in images, on the command line; the reader decides by brightness."""

import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from contracts.objects import ct
from contracts.pictured import SERIES, shaded, slices
from contracts.readers import VERSION, BrightnessReader
from medarchive.cli import reading
from medarchive.errors import NotDicom, SettingsError

from .conftest import Cli

SAME = {"file", "anatomy", "anatomy_probability", "finding", "probabilities", "abstained", "reason"}


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch) -> BrightnessReader:
    reader = BrightnessReader()
    monkeypatch.setenv("MEDARCHIVE_INSIGHT", "true")
    monkeypatch.setenv("MEDARCHIVE_INSIGHT_REPORTS", "false")
    monkeypatch.setattr(reading, "opened", lambda: reader)
    return reader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bright and a dark slice, pictures of three kinds, a constant one, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    grey = np.random.default_rng(1).integers(170, 250, (40, 30)).astype(np.uint8)
    (folder / "a.dcm").write_bytes(shaded(0.9))
    (folder / "b.png").write_bytes(imagecodecs.png_encode(grey))
    (folder / "c.jpg").write_bytes(imagecodecs.jpeg8_encode(np.stack([grey // 3] * 3, 2)))
    (folder / "d.png").write_bytes(imagecodecs.png_encode(grey.astype(np.uint16) * 257))
    (folder / "e.png").write_bytes(imagecodecs.png_encode(np.full((40, 30), 99, np.uint8)))
    (folder / "f.dcm").write_bytes(ct(1, PixelData=b""))
    (folder / "g.png").write_bytes(imagecodecs.png_encode(grey)[:200])
    (folder / "h.txt").write_bytes(b"no picture")
    (folder / "i.jpg").write_bytes(imagecodecs.jpeg8_encode(grey)[:60])
    return folder


def test_a_folder_of_files_is_one_list(cli: Cli, folder: Path) -> None:
    ran = cli("classify", folder, "--json")
    found = {Path(row["file"]).name: row for row in ran.json}
    assert [set(row) for row in ran.json] == [SAME] * 9
    assert [(name, row["anatomy"], row["finding"]) for name, row in sorted(found.items())] == [
        ("a.dcm", "brain", "glioma"),
        ("b.png", "brain", "glioma"),
        ("c.jpg", "lung", "normal"),
        ("d.png", "brain", "glioma"),
        ("e.png", "", ""),
        ("f.dcm", "", ""),
        ("g.png", "", ""),
        ("h.txt", "", ""),
        ("i.jpg", "", ""),
    ]
    assert found["b.png"]["probabilities"] == found["d.png"]["probabilities"]
    assert "one grey" in found["e.png"]["reason"]
    assert all(found[name]["reason"] for name in ("f.dcm", "g.png", "h.txt", "i.jpg"))
    assert found["a.dcm"]["probabilities"]["tumour"] == pytest.approx(0.9, abs=0.01)
    assert ran.code != 0


def test_the_exit_code_is_that_of_the_first_bad_file(cli: Cli, folder: Path) -> None:
    assert cli("classify", folder / "a.dcm", folder / "e.png").code == 0
    assert cli("classify", folder / "a.dcm", folder / "h.txt").code == NotDicom.exit_code
    assert cli("classify", folder / "none.png", "--json").json[0]["reason"] == "No such file or directory"


def test_a_table_with_abstentions(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "unsure.dcm"
    file.write_bytes(shaded(0.55))
    ran = cli("classify", file)
    assert ran.code == 0
    assert "abstained" in ran.out
    assert "between the thresholds" in ran.out
    (row,) = cli("classify", file, "--json").json
    assert (row["abstained"], row["finding"]) == (True, "")


def test_heat_maps_are_pictures_of_the_same_size(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli("classify", folder / "a.dcm", folder / "b.png", folder / "c.jpg", "--heat", tmp_path / "maps")
    drawn = {path.name: imagecodecs.png_decode(path.read_bytes()) for path in (tmp_path / "maps").iterdir()}
    assert {name: picture.shape for name, picture in drawn.items()} == {
        "a.dcm.png": (32, 32, 3),
        "b.png.png": (40, 30, 3),
    }
    picture = drawn["b.png.png"].astype(int)
    assert (picture[..., 0] - picture[..., 2]).mean() > 50, "hot is red and yellow"


def test_what_is_taken_in_is_read_and_found(cli: Cli, tmp_path: Path, reader: BrightnessReader) -> None:
    for uid, data in slices(0.3, 0.95).items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    assert cli("ingest", *tmp_path.glob("*.dcm")).code == 0
    assert reader.asked == [2]
    (row,) = cli("findings", SERIES, "--json").json
    assert (row["finding"], row["SOPInstanceUID"], row["version"]) == ("glioma", f"{SERIES}.2", VERSION)
    assert row["superseded_at"] is None
    assert "glioma" in cli("findings", "P1").out
    assert len(cli("findings", SERIES, "--images", "--json").json) == 3
    (series,) = cli("find", "FINDING=tumour", "PROBABILITY=0.8-", "Modality=CT", "--level", "series", "--json").json
    assert series["SeriesInstanceUID"] == SERIES
    assert cli("find", "FINDING=tumour", "PROBABILITY=-0.8", "--json").json == []
    assert cli("classify", f"{SERIES}.1", "--json").json[0]["finding"] == "normal"
    assert cli("classify", SERIES, "--json").json[0]["finding"] == "glioma"


def test_corrections(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(shaded(0.9))
    cli("ingest", tmp_path / "a.dcm")
    number = cli("findings", SERIES, "--json").json[0]["id"]
    ran = cli("findings", "--reject", number, "--by", "Dr. Who", "--label", "meningioma", "--json")
    assert (ran.code, ran.json["verdict"]) == (0, "rejected")
    assert "rejected by Dr. Who: meningioma" in cli("findings", SERIES).out
    assert cli("find", "FINDING=tumour", "--json").json == []
    (line,) = cli("findings", "--export").out.splitlines()
    said = json.loads(line)
    assert (said["SOPInstanceUID"], said["frame"], said["label"]) == (f"{SERIES}.1", 0, "meningioma")
    assert (said["verdict"], said["by"], said["read"]) == ("rejected", "Dr. Who", "glioma")
    assert cli("findings", "--confirm", number).code != 0, "nobody says so"
    assert cli("findings", "--confirm", 99, "--by", "A").code != 0
    assert cli("findings").code == 2
    assert cli("findings", SERIES, "--export").code == 2


def test_stale(cli: Cli, tmp_path: Path, reader: BrightnessReader) -> None:
    (tmp_path / "a.dcm").write_bytes(shaded(0.9))
    cli("ingest", tmp_path / "a.dcm")
    assert cli("classify", "--stale", "--json").json == []
    reader.version = "f" * 16
    expected = [{"SeriesInstanceUID": SERIES, "Modality": "CT", "instances": 1, "read_by": VERSION}]
    assert cli("classify", "--stale", "--dry-run", "--json").json == expected
    assert cli("jobs", "--json").json == []
    assert "1 series are queued" in cli("classify", "--stale").out
    assert [job["kind"] for job in cli("jobs", "--json").json] == ["read"]
    assert cli("classify", "--dry-run", SERIES).code == 2
    assert cli("classify").code == 2


def test_similar(cli: Cli, folder: Path, tmp_path: Path) -> None:
    for uid, data in slices(0.3, 0.95, 0.4).items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    cli("ingest", *tmp_path.glob("*.dcm"))
    found = cli("similar", f"{SERIES}.1", "-n", 1, "--same-modality", "--json").json
    assert len(found) == 1
    assert found[0]["SOPInstanceUID"] != f"{SERIES}.1"
    assert cli("similar", f"{SERIES}.1", "--other-series", "--json").json == []
    assert len(cli("similar", folder / "b.png", "--json").json) == 3
    assert f"{SERIES}.2" in cli("similar", folder / "a.dcm").out
    assert cli("similar", folder / "a.dcm", "--same-modality").code == 2
    assert "is a series" in cli("similar", SERIES).err
    assert cli("similar", folder / "h.txt").code == NotDicom.exit_code


def test_without_the_extra_it_says_what_to_install(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("medarchive.insight.reader.can_read", lambda: False)
    ran = cli("classify", folder / "a.dcm")
    assert (ran.code, "pip install 'medarchive[insight]'" in ran.err) == (SettingsError.exit_code, True)
    monkeypatch.setenv("MEDARCHIVE_INSIGHT", "false")
    assert "insight = false" in cli("classify", folder / "a.dcm").err
