"""medarchive encode, decode and codecs."""

from pathlib import Path

import numpy as np
import pytest

from contracts.objects import SHIPPED, ct
from medarchive.codecs import registry

from .conftest import Cli


@pytest.mark.parametrize("shape", [(9, 11), (3, 9, 11), (2, 9, 11, 3)])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint32", "int64"])
def test_numpy_files_come_back_in_shape_and_dtype(cli: Cli, tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    array = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    np.save(tmp_path / "in.npy", array)
    assert cli("encode", "in.npy", "out.meda").code == 0
    ran = cli("decode", "out.meda", "back.npy", "--json")
    assert (ran.code, ran.json["shape"], ran.json["dtype"]) == (0, list(shape), dtype)
    back = np.load(tmp_path / "back.npy")
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize("codec", registry.names())
def test_a_codec_by_name_and_what_came_of_it(cli: Cli, tmp_path: Path, codec: str) -> None:
    (tmp_path / "in.dcm").write_bytes(ct(1, size=64))
    seen = cli("encode", "in.dcm", "out.meda", "--codec", codec, "--effort", 3, "--json").json
    assert (seen["codec"], seen["shape"], seen["bits"], seen["max_error"]) == (codec, [1, 64, 64], 12, 0)
    assert seen["bytes"] == (tmp_path / "out.meda").stat().st_size


def test_near_lossless_keeps_its_bound(cli: Cli, tmp_path: Path) -> None:
    array = np.random.default_rng(2).integers(-500, 500, (2, 40, 40)).astype(np.int16)
    np.save(tmp_path / "in.npy", array)
    exact = cli("encode", "in.npy", "exact.meda", "--json").json
    near = cli("encode", "in.npy", "near.meda", "--max-error", 3, "--json").json
    assert near["bytes"] < exact["bytes"]
    assert cli("decode", "near.meda", "near.npy").code == 0
    assert np.abs(np.load(tmp_path / "near.npy").astype(int) - array).max() == 3


def test_all_frames_of_a_compressed_dicom_file(cli: Cli, tmp_path: Path) -> None:
    ran = cli("encode", SHIPPED / "SC_rgb_rle_2frame.dcm", "out.meda")
    assert "2 x 100 x 100 x 3 uint8" in ran.out
    assert "lossless" in ran.out


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("floats.npy", 21, "integers"),
        ("objects.npy", 21, "pickle"),
        ("text", 31, "DICM"),
        ("report.dcm", 41, "no pixel data"),
        ("nowhere", 2, "does not exist"),
    ],
)
def test_what_cannot_be_encoded_is_said(cli: Cli, tmp_path: Path, name: str, code: int, message: str) -> None:
    np.save(tmp_path / "floats.npy", np.zeros((3, 3)))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text").write_text("hello")
    (tmp_path / "report.dcm").write_bytes((SHIPPED / "test-SR.dcm").read_bytes())
    ran = cli("encode", name, "out.meda")
    assert ran.code == code
    assert message in ran.err
    assert not (tmp_path / "out.meda").exists()


def test_a_damaged_file_is_not_decoded(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.arange(10000, dtype=np.uint16).reshape(100, 100))
    assert cli("encode", "in.npy", "out.meda").code == 0
    data = bytearray((tmp_path / "out.meda").read_bytes())
    data[20] ^= 1
    (tmp_path / "out.meda").write_bytes(data)
    assert cli("decode", "out.meda", "back.npy").code == 23
    assert not (tmp_path / "back.npy").exists()


def test_nothing_is_overwritten_unless_told(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((4, 4), np.uint8))
    (tmp_path / "out.meda").write_text("mine")
    ran = cli("encode", "in.npy", "out.meda")
    assert (ran.code, "--force" in ran.err) == (42, True)
    assert (tmp_path / "out.meda").read_text() == "mine"
    assert cli("encode", "in.npy", "out.meda", "--force").code == 0


def test_an_unknown_codec_is_said_with_those_there_are(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((4, 4), np.uint8))
    ran = cli("encode", "in.npy", "out.meda", "--codec", "mp3")
    assert ran.code == 22
    assert "zstd-planes" in ran.err


def test_codecs_lists_all(cli: Cli) -> None:
    listed = cli("codecs", "--json").json
    assert [codec["name"] for codec in listed] == list(registry.names())
    assert all(codec["available"] for codec in listed)
    assert "jpegxl" in cli("codecs").out
