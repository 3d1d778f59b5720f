"""medarchive fidelity: the verdict, its exit code, and the page."""

import base64
import io
import re
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000

from contracts.objects import SHIPPED, ct
from medarchive.cli.fidelity_pictures import colour_scale, difference_map
from medarchive.cli.phantom import chest_ct

from .conftest import Cli


@pytest.fixture(scope="module")
def slice_of_a_chest() -> bytes:
    return list(chest_ct(slices=3, size=256))[1]


@pytest.fixture
def original(tmp_path: Path, slice_of_a_chest: bytes) -> Path:
    path = tmp_path / "chest.dcm"
    path.write_bytes(slice_of_a_chest)
    return path


def pixels(part10: bytes) -> NDArray[np.uint16]:
    return np.asarray(pydicom.dcmread(io.BytesIO(part10)).pixel_array)


def blurred(part10: bytes) -> NDArray[np.uint16]:
    field = np.pad(pixels(part10).astype(float), 1, mode="edge")
    return np.rint(sum(field[y : y + 256, x : x + 256] for y in range(3) for x in range(3)) / 9).astype(np.uint16)


def test_near_lossless_passes_by_what_the_header_says(cli: Cli, original: Path) -> None:
    assert cli("encode", original, "near.meda", "--max-error", 2).code == 0
    ran = cli("fidelity", original, "near.meda")
    assert ran.code == 0
    assert "ct-chest: CT of the chest" in ran.out
    assert "ms-ssim mediastinum" in ran.out
    assert ran.out.rstrip().endswith("passed")
    seen = cli("fidelity", original, "near.meda", "--json").json
    assert (seen["profile"], seen["passed"], seen["reasons"]) == ("ct-chest", True, [])
    largest = next(check for check in seen["checks"] if check["name"] == "max error")
    assert (largest["value"], largest["unit"], largest["passed"]) == (2, "HU", True)
    assert largest["most"] > 2


def test_a_blurred_array_fails_with_reasons(cli: Cli, original: Path, slice_of_a_chest: bytes) -> None:
    np.save("blurred.npy", blurred(slice_of_a_chest))
    ran = cli("fidelity", original, "blurred.npy")
    assert ran.code == 1
    reasons = ran.out[ran.out.rindex("FAILED") :]
    assert "texture kept, upper band" in reasons
    assert "max error" in reasons
    seen = cli("fidelity", original, "blurred.npy", "--json")
    assert (seen.code, seen.json["passed"]) == (1, False)


@pytest.mark.parametrize(("psnr", "code"), [(84, 0), (60, 1)])
def test_a_lossy_dicom_file(cli: Cli, original: Path, slice_of_a_chest: bytes, psnr: int, code: int) -> None:
    dataset = pydicom.dcmread(io.BytesIO(slice_of_a_chest))
    frame = imagecodecs.jpeg2k_encode(dataset.pixel_array, level=psnr, codecformat="j2k", reversible=False)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000
    dataset.save_as("lossy.dcm")
    assert cli("fidelity", original, "lossy.dcm").code == code


def test_an_array_needs_a_profile_and_its_scale(cli: Cli, slice_of_a_chest: bytes) -> None:
    image = pixels(slice_of_a_chest)
    np.save("in.npy", image)
    assert cli("encode", "in.npy", "near.meda", "--max-error", 2).code == 0
    ran = cli("fidelity", "in.npy", "near.meda")
    assert ran.code == 1
    assert "no profile for this modality: name one" in ran.out
    ran = cli("fidelity", "in.npy", "near.meda", "--profile", "ct-chest")
    assert ran.code == 1
    assert "not known to be HU" in ran.out
    scale = ("--slope", 1, "--intercept", -1024)
    assert cli("fidelity", "in.npy", "near.meda", "--profile", "ct-chest", *scale).code == 0
    assert cli("fidelity", "in.npy", "near.meda", "--profile", "lossless").code == 1
    assert cli("fidelity", "in.npy", "in.npy", "--profile", "lossless").code == 0


def test_an_unknown_profile_names_the_known_ones(cli: Cli, original: Path) -> None:
    ran = cli("fidelity", original, original, "--profile", "ct-foot")
    assert ran.code == 11
    assert "ct-head, ct-chest" in ran.err


def test_a_modality_without_a_profile_fails(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "other.dcm").write_bytes(ct(1, Modality="OT"))
    ran = cli("fidelity", "other.dcm", "other.dcm")
    assert ran.code == 1
    assert "no profile" in ran.out


def test_ct_without_a_rescale_is_judged_lossless(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bare.dcm").write_bytes(ct(1, BodyPartExamined="CHEST"))
    assert cli("fidelity", "bare.dcm", "bare.dcm").code == 0
    assert cli("encode", "bare.dcm", "near.meda", "--max-error", 1).code == 0
    ran = cli("fidelity", "bare.dcm", "near.meda")
    assert ran.code == 1
    assert "not known to be HU: lossless only" in ran.out


def test_another_file_is_named(cli: Cli, original: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of the kind" * 20)
    ran = cli("fidelity", original, "notes.txt")
    assert ran.code == 31
    assert "notes.txt" in ran.err


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros(5, np.uint8), np.full((4, 4), 1 << 40)])
def test_arrays_of_another_kind_are_refused(cli: Cli, original: Path, array: NDArray[np.generic]) -> None:
    np.save("other.npy", array)
    assert cli("fidelity", original, "other.npy").code == 21


def test_the_page_has_everything_inside(cli: Cli, original: Path, slice_of_a_chest: bytes) -> None:
    np.save("blurred.npy", blurred(slice_of_a_chest))
    assert cli("fidelity", original, "blurred.npy", "--report", "page.html").code == 1
    page = Path("page.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:image/png;base64,)', page)
    pictures = [
        imagecodecs.png_decode(base64.b64decode(data)) for data in re.findall(r"data:image/png;base64,([^\"]+)", page)
    ]
    assert len(pictures) == 2 * 3 + 2
    assert [picture.shape for picture in pictures[:7]] == [(256, 256)] * 6 + [(256, 256, 3)]
    for picture, stored in zip(pictures[2:4], (pixels(slice_of_a_chest), blurred(slice_of_a_chest)), strict=True):
        expected = np.clip((stored - 1024.0 + 160) * (255 / 400), 0, 255)
        assert np.abs(picture - expected).max() < 0.51
    for name in ("lung: -1350 to 150 HU", "mediastinum: -160 to 240 HU", "bone: ", "Noise spectra"):
        assert name in page
    assert page.count("<svg") == 2
    assert page.count('<td class="failed">failed</td>') >= 5
    assert "DRG consensus" in page


def test_names_are_escaped(cli: Cli, original: Path, tmp_path: Path) -> None:
    odd = tmp_path / "<b>&.dcm"
    odd.write_bytes(original.read_bytes())
    assert cli("fidelity", odd, odd, "--report", "page.html").code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;.dcm" in page
    assert "<b>" not in page


def test_pages_of_images_that_have_no_windows(cli: Cli, tmp_path: Path) -> None:
    """Colour, several frames, another shape, nothing to measure: each has a page."""
    colour = np.random.default_rng(1).integers(0, 255, (2, 20, 30, 3)).astype(np.uint8)
    np.save("colour.npy", colour)
    assert cli("fidelity", "colour.npy", "colour.npy", "--profile", "us", "--report", "page.html").code == 0
    np.save("flat.npy", np.full((900, 10), 7, np.int16))
    assert cli("fidelity", "flat.npy", "flat.npy", "--profile", "mr", "--report", "page.html").code == 0
    assert cli("fidelity", "flat.npy", "colour.npy", "--profile", "mr", "--report", "page.html").code == 1
    assert "<img" not in Path("page.html").read_text(encoding="utf-8")
    rgb = SHIPPED / "SC_rgb_rle_2frame.dcm"
    assert cli("fidelity", rgb, rgb, "--profile", "lossless", "--report", "page.html").code == 0
    assert "Frame 0 of 2" in Path("page.html").read_text(encoding="utf-8")


def drawn(path: str) -> NDArray[np.uint8]:
    return np.asarray(imagecodecs.png_decode(Path(path).read_bytes()))


def places(sheet: NDArray[np.uint8], picture: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where on a sheet, by row and column, a picture stands, pixel by pixel."""
    wanted = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    rows, columns = wanted.shape[:2]
    middle = re.compile(b"(?=" + re.escape(wanted[rows // 2].tobytes()) + b")", re.DOTALL)
    found = []
    for top in range(len(sheet) - rows + 1):
        for match in middle.finditer(sheet[top + rows // 2].tobytes()):
            left = match.start() // 3
            if np.array_equal(sheet[top : top + rows, left : left + columns], wanted):
                found.append((top, left))
    return found


def in_window(stored: NDArray[np.uint16], low: float, high: float) -> NDArray[np.uint8]:
    grey = np.clip((stored.astype(np.float32) - 1024 - low) / np.float32(high - low), 0, 1) * 255
    return np.asarray(np.rint(grey), np.uint8)


def test_the_sheet_has_both_images_in_each_window_and_the_difference(
    cli: Cli, original: Path, slice_of_a_chest: bytes
) -> None:
    pytest.importorskip("PIL", reason="the extra plot draws PNG")
    before, after = pixels(slice_of_a_chest), blurred(slice_of_a_chest)
    np.save("blurred.npy", after)
    assert cli("fidelity", original, "blurred.npy", "--report", "sheet.PNG").code == 1
    sheet = drawn("sheet.PNG")
    assert sheet.ndim == 3
    rows = []
    for low, high in ((-1350, 150), (-160, 240), (-770, 1730)):
        (left,), (right,) = (places(sheet, in_window(image, low, high)) for image in (before, after))
        assert left[0] == right[0]
        assert left[1] + 256 < right[1]
        rows.append(left[0])
    assert rows == sorted(rows)
    assert np.diff(rows).min() > 256
    error = after.astype(np.float32) - before
    reach = np.percentile(np.abs(error), 99.9)
    (place,) = places(sheet, difference_map(error, float(reach)))
    assert place[0] > rows[-1] + 256
    strip = places(sheet, colour_scale())
    assert [y > place[0] + 256 for y, _ in strip] == [True]
    beside = sheet[place[0] :, place[1] + 256 + 16 :].reshape(-1, 3)
    for ink in ((0x00, 0x79, 0x6B), (0x1F, 0x29, 0x33)):
        assert (np.abs(beside.astype(int) - ink).max(axis=1) < 24).sum() > 200


@pytest.mark.parametrize(("name", "code", "green"), [("same", 0, True), ("other", 1, False)])
def test_the_sheet_is_headed_by_its_verdict_in_green_or_red(
    cli: Cli, original: Path, slice_of_a_chest: bytes, name: str, code: int, green: bool
) -> None:
    pytest.importorskip("PIL", reason="the extra plot draws PNG")
    np.save("same.npy", pixels(slice_of_a_chest))
    np.save("other.npy", blurred(slice_of_a_chest))
    assert cli("fidelity", original, f"{name}.npy", "--report", "sheet.png").code == code
    red_of_head, green_of_head, _ = drawn("sheet.png")[:40].reshape(-1, 3).astype(int).T
    strong = np.abs(red_of_head - green_of_head) > 60
    assert strong.sum() > 200
    assert ((green_of_head > red_of_head)[strong] == green).all()


def test_sheets_of_images_that_have_no_windows(cli: Cli) -> None:
    pytest.importorskip("PIL", reason="the extra plot draws PNG")
    """Colour, another shape, a small picture, which is enlarged, and a scale that is none: each has a sheet."""
    colour = np.random.default_rng(1).integers(0, 255, (2, 20, 30, 3)).astype(np.uint8)
    np.save("colour.npy", colour)
    assert cli("fidelity", "colour.npy", "colour.npy", "--profile", "us", "--report", "sheet.png").code == 0
    assert len(places(drawn("sheet.png"), colour[0].repeat(12, axis=0).repeat(12, axis=1))) == 2
    np.save("flat.npy", np.full((900, 10), 7, np.int16))
    assert cli("fidelity", "flat.npy", "colour.npy", "--profile", "mr", "--report", "sheet.png").code == 1
    alone = drawn("sheet.png").shape
    assert cli("fidelity", "flat.npy", "flat.npy", "--profile", "mr", "--report", "sheet.png").code == 0
    assert drawn("sheet.png").shape[0] > alone[0] + 400
    scale = ("--slope", "nan", "--report", "sheet.png")
    assert cli("fidelity", "flat.npy", "flat.npy", "--profile", "ct", *scale).code == 0
    assert cli("fidelity", "flat.npy", "flat.npy", "--profile", "ct", *scale[:3], "page.html").code == 0


def test_reports_of_another_kind_are_refused_before_anything_is_read(
    cli: Cli, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in (("out.gif", ".gif"), ("out", "a file without suffix")):
        ran = cli("fidelity", original, original, "--report", name)
        assert (ran.code, ran.out) == (11, "")
        assert f"writes .html and .png, not {said}" in ran.err
    monkeypatch.setitem(sys.modules, "PIL", None)
    ran = cli("fidelity", original, original, "--report", "out.png")
    assert (ran.code, ran.out) == (11, "")
    assert "PNG needs Pillow; pip install 'medarchive[plot]', or write a .html" in ran.err
    assert cli("fidelity", original, original, "--report", "out.html").code == 0
