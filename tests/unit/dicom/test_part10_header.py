import io
import struct
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from contracts.objects import SHIPPED, ct, part10
from medarchive.dicom.attributes import LEVELS, Level, extract
from medarchive.dicom.part10 import DEFLATED, file_meta, read_header, skip_meta
from medarchive.errors import LimitExceeded, NotDicom

CHARSETS = SHIPPED.parent / "charset_files"


def test_what_the_header_says() -> None:
    header = read_header(io.BytesIO(ct(size=20)))
    assert header.transfer_syntax == ExplicitVRLittleEndian
    assert header.integer(0x00280010) == header.integer(0x00280011) == 20
    assert header.integer(0x00280101) == 12
    assert header.integer(0x00280008) is None
    assert header.pixel is not None
    assert header.pixel.value_length == 800
    assert header.pixel.value_offset + 800 == header.size


def test_the_indexed_values() -> None:
    found = extract(read_header(io.BytesIO(ct(7, PatientSex="O", ImageType=["DERIVED", "PRIMARY"]))))
    assert found.patient["PatientName"] == "Test^Person"
    assert found.patient["PatientSex"] == "O"
    assert found.study["StudyDate"] == "20240102"
    assert found.series["Modality"] == "CT"
    assert found.image["InstanceNumber"] == "7"
    assert found.image["ImageType"] == "DERIVED\\PRIMARY"
    assert found.image["Rows"] == "32"
    assert found.study["AccessionNumber"] == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("chrRuss.dcm", "Люкceмбypг"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("chrX1.dcm", "Wang^XiaoDong=王^小東="),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东="),
        ("chrFren.dcm", "Buc^Jérôme"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
        ("chrArab.dcm", "قباني^لنزار"),
        ("chrHbrw.dcm", "שרון^דבורה"),
    ],
)
def test_names_in_every_character_set(name: str, says: str) -> None:
    with (CHARSETS / name).open("rb") as stream:
        assert extract(read_header(stream)).patient["PatientName"] == says


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
def test_the_same_values_as_pydicom_reads() -> None:
    compared = 0
    for file in sorted(SHIPPED.rglob("*")):
        if not file.is_file():
            continue
        try:
            expected = pydicom.dcmread(file, stop_before_pixels=True)
            found = extract(read_header(io.BytesIO(file.read_bytes())))
        except (NotDicom, pydicom.errors.InvalidDicomError, AttributeError, KeyError):
            continue
        for level, values in zip(Level, (found.patient, found.study, found.series, found.image), strict=True):
            for attribute in LEVELS[level]:
                if attribute.vr in ("UI", "CS", "US", "LO", "SH", "DA", "TM"):
                    value = expected.get(attribute.keyword)
                    several = isinstance(value, pydicom.multival.MultiValue)
                    text = (
                        "\\".join(str(part).strip() for part in value)
                        if several
                        else ""
                        if value is None
                        else str(value)
                    )
                    assert values[attribute.keyword] == text.strip(), f"{file.name} {attribute.keyword}"
                    compared += 1
    assert compared > 3000


@pytest.mark.parametrize("data", [b"", b"x" * 131, bytes(128) + b"DICX", bytes(1000)])
def test_what_has_no_prefix_is_refused(data: bytes) -> None:
    with pytest.raises(NotDicom, match="DICM"):
        read_header(io.BytesIO(data))


def test_a_file_that_ends_after_its_meta_is_refused() -> None:
    with pytest.raises(NotDicom, match="no data set"):
        read_header(io.BytesIO(file_meta("1.2", "1.2.3", ExplicitVRLittleEndian)))


def test_a_file_cut_off_within_its_meta_is_refused() -> None:
    with pytest.raises(NotDicom, match="File Meta"):
        read_header(io.BytesIO(ct()[:170]))


def test_our_own_file_meta_reads_back_and_never_changes() -> None:
    made = file_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5", ExplicitVRLittleEndian, "CT1")
    assert made == file_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5", ExplicitVRLittleEndian, "CT1")
    meta = pydicom.dcmread(io.BytesIO(made + ct()[skipped(ct()) :])).file_meta
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.4.5"
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.SourceApplicationEntityTitle == "CT1"
    assert meta.FileMetaInformationGroupLength == len(made) - 144


def skipped(data: bytes) -> int:
    stream = io.BytesIO(data)
    assert skip_meta(stream) == ExplicitVRLittleEndian
    return stream.tell()


def test_skip_meta_stands_at_the_data_set() -> None:
    data = ct()
    assert data[skipped(data) :].startswith(b"\x08\x00\x16\x00UI")


def deflated(dataset: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = squeeze.compress(dataset) + squeeze.flush()
    return file_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.3", DeflatedExplicitVRLittleEndian) + body


def test_a_deflated_data_set_is_indexed() -> None:
    data = ct()
    header = read_header(io.BytesIO(deflated(data[skipped(data) :])))
    assert header.trouble == DEFLATED
    assert extract(header).image["SOPInstanceUID"] == "1.2.3.1.1.1"


def test_a_deflate_bomb_is_refused_in_bounded_memory() -> None:
    element = b"\x09\x00\x01\x10OB\0\0" + struct.pack("<I", 0xFFFFFFF0)
    with pytest.raises((LimitExceeded, NotDicom)):
        read_header(io.BytesIO(deflated(element + bytes(200 << 20))))


def test_sequences_nested_without_end_are_refused() -> None:
    level = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    data = file_meta("1.2", "1.2.3", ExplicitVRLittleEndian) + level * 10_000
    header_or_refusal: object
    try:
        header_or_refusal = read_header(io.BytesIO(data)).trouble
    except NotDicom as error:
        header_or_refusal = str(error)
    assert "nested" in str(header_or_refusal)


def test_a_value_that_reaches_beyond_the_file_is_named() -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientName = "1.2", "1.2.3", "A"
    data = part10(ds)
    broken = data.replace(b"PN\x02\x00A ", b"PN\xf0\x00A ")
    assert broken != data
    header = read_header(io.BytesIO(broken))
    assert "beyond the end" in header.trouble
    assert extract(header).image["SOPInstanceUID"] == "1.2.3", "what could be read is indexed"


def test_large_values_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "large.dcm"
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2", "1.2.3"
    data = part10(ds) + b"\x42\x00\x11\x00OB\0\0" + struct.pack("<I", 1 << 30)
    with file.open("wb") as out:
        out.write(data)
        out.truncate(len(data) + (1 << 30))  # a sparse gigabyte of encapsulated document
    with file.open("rb") as stream:
        header = read_header(stream)
    assert header.trouble == ""
    assert header.pixel is None
