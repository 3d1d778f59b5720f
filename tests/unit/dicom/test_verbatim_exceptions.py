"""Which of pydicom's files are kept verbatim, and why. A new name here needs a reason; verbatim is no easy way out."""

import io
from pathlib import Path

import pydicom
import pytest

from medarchive.dicom.instance_blob import Split, join, split
from medarchive.dicom.recipe import Reason, Verbatim
from medarchive.errors import NotDicom

DATA = Path(pydicom.__file__).parent / "data"
FILES = sorted(
    file for folder in ("test_files", "charset_files") for file in (DATA / folder).rglob("*") if file.is_file()
)

EXCEPTIONS = {
    "meta_missing_tsyntax.dcm": Reason.GEOMETRY,
    "nested_priv_SQ.dcm": Reason.GEOMETRY,
    "MR_truncated.dcm": Reason.SHORT,
    "image_dfl.dcm": Reason.DEFLATED,
    "rtplan_truncated.dcm": Reason.STRUCTURE,
}
"""Native objects that are not split. Those without pixel data, or with encapsulated one, are recognised below."""


def native_pixels(file: Path) -> bool:
    dataset = pydicom.dcmread(file, force=False)
    return "PixelData" in dataset and not dataset["PixelData"].is_undefined_length


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
def test_every_native_image_is_split_but_these() -> None:
    kept: dict[str, Reason] = {}
    count = 0
    for file in FILES:
        try:
            found = split(io.BytesIO(file.read_bytes()))
        except NotDicom:
            continue
        count += 1
        if not isinstance(found, Verbatim):
            continue
        if found.reason in (Reason.NONE, Reason.ENCAPSULATED):
            assert not native_pixels(file), f"{file.name} has native pixel data and is kept for {found}"
            continue
        kept[file.name] = found.reason
    assert kept == EXCEPTIONS
    assert count > 150


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_whatever_is_split_comes_back(file: Path) -> None:
    data = file.read_bytes()
    try:
        parts = split(io.BytesIO(data))
    except NotDicom:
        return  # test_part10_header says why
    if isinstance(parts, Split):
        out = io.BytesIO()
        join(parts.header, (parts.frames[i : i + 1] for i in range(len(parts.frames))), out)
        assert out.getvalue() == data
    else:
        assert str(parts)
