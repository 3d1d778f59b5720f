"""medarchive get."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from contracts.objects import SHIPPED, ct

from .conftest import Cli


@pytest.fixture
def filled(cli: Cli, tmp_path: Path) -> Cli:
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(ct(number))
    assert cli("ingest", "1.dcm", "2.dcm").code == 0
    return cli


@pytest.mark.parametrize("uid", ["1.2.3.1.1", "1.2.3.1", "P1"])
def test_all_below_a_series_study_or_patient_come_back_byte_for_byte(filled: Cli, tmp_path: Path, uid: str) -> None:
    ran = filled("get", uid, "-o", tmp_path / "out" / "deep", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.json) == 2
    for number, file in enumerate(ran.json, 1):
        assert Path(file["path"]).name == f"1.2.3.1.1.{number}.dcm"
        assert Path(file["path"]).read_bytes() == ct(number)
    assert len(list((tmp_path / "out" / "deep").iterdir())) == 2


def test_an_instance_named_twice_is_written_once(filled: Cli, tmp_path: Path) -> None:
    ran = filled("get", "1.2.3.1.1.1", "1.2.3.1", "-o", "out", "--json")
    assert len(ran.json) == 2
    assert "2 files" in filled("get", "1.2.3.1", "-o", "out").out  # the same content again is no conflict


def test_other_content_is_not_overwritten_unless_told(filled: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "1.2.3.1.1.1.dcm"
    target.write_text("mine")
    ran = filled("get", "1.2.3.1.1.1", "-o", "out")
    assert ran.code == 42
    assert "--force" in ran.err
    assert target.read_text() == "mine"
    assert list(target.parent.iterdir()) == [target]
    assert filled("get", "1.2.3.1.1.1", "-o", "out", "--force").code == 0
    assert target.read_bytes() == ct(1)


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("implicit", "1.2.840.10008.1.2"),
        ("explicit", "1.2.840.10008.1.2.1"),
        ("1.2.840.10008.1.2", "1.2.840.10008.1.2"),
        ("ImplicitVRLittleEndian", "1.2.840.10008.1.2"),
    ],
)
def test_another_transfer_syntax(cli: Cli, tmp_path: Path, name: str, uid: str) -> None:
    source = SHIPPED / "MR_small_jp2klossless.dcm"
    assert cli("ingest", source).code == 0
    ran = cli("get", "4MR1", "-o", "out", "-t", name, "--json")
    assert (ran.code, ran.json[0]["TransferSyntaxUID"]) == (0, uid)
    written = pydicom.dcmread(ran.json[0]["path"])
    assert written.file_meta.TransferSyntaxUID == uid
    native = pydicom.dcmread(SHIPPED / "MR_small.dcm")
    assert np.array_equal(written.pixel_array, native.pixel_array)


def test_a_transfer_syntax_that_is_not_written_is_refused(filled: Cli, tmp_path: Path) -> None:
    for name in ("1.2.840.10008.1.2.4.50", "nonsense"):
        ran = filled("get", "1.2.3.1.1.1", "-o", "out", "--transfer-syntax", name)
        assert ran.code == 34
        assert "cannot transcode" in ran.err
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_not_there_is_said(filled: Cli, tmp_path: Path) -> None:
    ran = filled("get", "1.2.3.1", "9.9.9", "-o", "out")
    assert ran.code == 41
    assert "9.9.9" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said(filled: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = filled("get", "1.2.3.1", "-o", "file")
    assert ran.code == 12
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("uid", ["../../evil", "/etc/evil", "..", "1.2/3", "x" * 64])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_an_odd_uid_leads_nowhere_else(cli: Cli, tmp_path: Path, uid: str) -> None:
    (tmp_path / "odd.dcm").write_bytes(ct(1, uid=uid))
    assert cli("ingest", "odd.dcm").code == 0
    ran = cli("get", "P1", "-o", "out/in", "--json")
    assert ran.code == 0
    path = Path(ran.json[0]["path"])
    assert path.resolve().parent == tmp_path / "out" / "in"
    assert path.read_bytes() == ct(1, uid=uid)
