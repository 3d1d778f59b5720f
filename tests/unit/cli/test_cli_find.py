"""medarchive find, show and stats."""

from pathlib import Path

import pytest

from contracts.objects import SHIPPED, ct

from .conftest import Cli

UID = "1.2.3.1.1.1"


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Cli:
    """Two CT slices of one patient, an MR of another, and a report."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.dcm").write_bytes(ct(number, PatientName="Doe^Jane", SliceThickness="2.5"))
    assert cli("ingest", folder, SHIPPED / "MR_small.dcm", SHIPPED / "test-SR.dcm").code == 0
    return cli


def test_json_has_dicom_keywords_and_numbers_are_numbers(filled: Cli) -> None:
    ran = filled("find", "--level", "instance", "Modality=CT", "--json")
    assert (ran.code, len(ran.json)) == (0, 2)
    first = ran.json[0]
    assert (first["SOPInstanceUID"], first["PatientName"], first["StudyDate"]) == (UID, "Doe^Jane", "20240102")
    assert (first["Rows"], first["InstanceNumber"], first["SeriesNumber"]) == (32, 1, None)
    assert isinstance(first["stored_bytes"], int)
    assert 0 < first["stored_bytes"] < first["size"] == len(ct(1, PatientName="Doe^Jane", SliceThickness="2.5"))
    assert first["codec"] in ("predictive", "jpegxl", "zstd-planes")
    assert first["received_at"] > 1.7e9


@pytest.mark.parametrize(
    ("level", "count"), [("patient", 3), ("study", 3), ("series", 3), ("instance", 4), ("image", 4)]
)
def test_every_level(filled: Cli, level: str, count: int) -> None:
    assert len(filled("find", "--level", level, "--json").json) == count


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        (["PatientName=doe*"], 1),
        (["(0010,0010)=DOE^JANE"], 1),
        (["patientid=P1", "StudyDate=20240101-20240131"], 1),
        (["StudyDate=-20231231"], 1),
        (["ModalitiesInStudy=MR"], 1),
        (["PatientID=nobody"], 0),
    ],
)
def test_keys_match_as_in_c_find(filled: Cli, keys: list[str], count: int) -> None:
    found = filled("find", *keys, "--json").json
    assert len(found) == count
    assert len(filled("find", *keys, "--json", "--limit", 1).json) == min(count, 1)


def test_counts_are_numbers(filled: Cli) -> None:
    (study,) = filled("find", "PatientID=P1", "--json").json
    assert (study["NumberOfStudyRelatedInstances"], study["ModalitiesInStudy"]) == (2, "CT")


def test_the_table_shows_whole_uids_in_a_pipe(filled: Cli) -> None:
    out = filled("find", "--level", "instance", "Modality=MR").out
    assert "1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457" in out
    assert "stored_bytes" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["PatientNam=x"], 33, "did you mean PatientName?"),
        (["PatientName"], 33, "expected KEY=VALUE"),
        (["Rows=512"], 33, "--level image"),
        (["StudyDate=yesterday"], 33, "YYYYMMDD"),
        (["--level", "slice"], 2, "patient, study, series"),
    ],
)
def test_a_wrong_question_gets_a_clear_answer(cli: Cli, arguments: list[str], code: int, message: str) -> None:
    ran = cli("find", *arguments)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_nothing_found_is_an_empty_list(cli: Cli) -> None:
    ran = cli("find", "--json")
    assert (ran.code, ran.json) == (0, [])


def test_what_a_file_says_does_not_reach_the_terminal_as_commands(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "evil").write_bytes(ct(1, StudyDescription="\x1b[2J[red]boo[/red]"))
    assert cli("ingest", "evil").code == 0
    out = cli("find").out
    assert "\x1b" not in out
    assert "[red]boo[/red]" in out


def test_show_explains_how_an_instance_is_kept(filled: Cli) -> None:
    shown = filled("show", UID, "--json").json
    assert shown["PatientName"] == "Doe^Jane"
    assert shown["SOPClassUID"] == "1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"
    assert "Explicit VR Little Endian" in shown["TransferSyntaxUID"]
    assert shown["form"].startswith("header and pixels apart")
    assert shown["ratio"] == round(shown["size"] / shown["stored_bytes"], 3)
    assert "reason" not in shown
    assert len(shown["sha256"]) == 64


def test_show_says_why_an_object_is_kept_whole(filled: Cli) -> None:
    (report,) = filled("find", "--level", "instance", "Modality=SR", "--json").json
    assert "not split: no pixel data" in filled("show", report["SOPInstanceUID"]).out


def test_show_of_a_study_says_how_to_see_its_instances(filled: Cli) -> None:
    ran = filled("show", "1.2.3.1")
    assert ran.code == 41
    assert "is a study, not an instance" in ran.err
    assert "find --level instance StudyInstanceUID=1.2.3.1" in ran.err
    assert filled("show", "9.9").code == 41


def test_stats_adds_up(filled: Cli) -> None:
    found = filled("stats", "--json").json
    assert (found["patients"], found["studies"], found["series"], found["instances"]) == (3, 3, 3, 4)
    assert sum(group["bytes_kept"] for group in found["groups"]) == found["bytes_kept"] < found["bytes_in"]
    assert {group["modality"] for group in found["groups"]} == {"CT", "MR", "SR"}
    assert found["ratio"] == pytest.approx(found["bytes_in"] / found["bytes_kept"])
    out = filled("stats").out
    assert "3 patients" in out
    assert "0 jobs waiting" in out


def test_stats_of_an_empty_archive(cli: Cli) -> None:
    assert cli("stats").code == 0
    assert cli("stats", "--json").json["ratio"] is None
