"""Files that break the standard in ways that are met in the field: what pydicom reads without force is kept."""

import io
import struct
import zlib

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from contracts.objects import ct, part10
from medarchive.dicom.attributes import extract
from medarchive.dicom.instance_blob import Split, split
from medarchive.dicom.part10 import file_meta, read_header, skip_meta
from medarchive.dicom.recipe import Reason, Verbatim
from medarchive.errors import NotDicom

CLASS, INSTANCE = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1.1"


def body(data: bytes) -> bytes:
    """The data set of a Part 10 file."""
    stream = io.BytesIO(data)
    skip_meta(stream)
    return stream.read()


def implicit_element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def identity(data: bytes) -> tuple[str, str]:
    found = extract(read_header(io.BytesIO(data))).image
    return found["SOPClassUID"], found["SOPInstanceUID"]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about this very file
def test_file_meta_without_value_representations() -> None:
    values = {2: CLASS.encode() + b"\0", 3: INSTANCE.encode() + b"\0", 0x10: b"1.2.840.10008.1.2\0"}
    meta = b"".join(implicit_element(0x00020000 | element, value) for element, value in values.items())
    ds = pydicom.dcmread(io.BytesIO(ct()))
    data = bytes(128) + b"DICM" + implicit_element(0x00020000, struct.pack("<I", len(meta))) + meta
    data += body(part10(ds, ImplicitVRLittleEndian))
    assert pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID == INSTANCE
    header = read_header(io.BytesIO(data))
    assert header.transfer_syntax == ImplicitVRLittleEndian
    assert identity(data) == (CLASS, INSTANCE)
    assert isinstance(split(io.BytesIO(data)), Split)


def test_a_delimiter_of_a_sequence_that_had_a_length() -> None:
    data = ct()
    at = data.index(b"\x28\x00\x02\x00US")
    stray = data[:at] + b"\xfe\xff\xdd\xe0\0\0\0\0" + data[at:]
    assert identity(stray) == (CLASS, INSTANCE)
    assert isinstance(split(io.BytesIO(stray)), Split)


def test_an_unknown_value_representation_is_kept_with_its_identity() -> None:
    data = ct()
    at = data.index(b"\x28\x00\x02\x00US")
    odd = data[:at] + b"\x09\x00\x01\x10\x00\x00\x02\x00ab" + data[at:]
    found = split(io.BytesIO(odd))
    assert isinstance(found, Verbatim)
    assert found.reason is Reason.STRUCTURE
    assert "(0009,1001)" in found.detail
    assert identity(odd) == (CLASS, INSTANCE)


def test_a_data_set_cut_off_before_its_pixel_data_keeps_its_identity() -> None:
    data = ct()
    cut = data[: data.index(b"\x28\x00\x02\x01US") + 9]
    assert identity(cut) == (CLASS, INSTANCE)
    found = split(io.BytesIO(cut))
    assert isinstance(found, Verbatim)
    assert found.reason is Reason.STRUCTURE


@pytest.mark.parametrize("stray", [b"\xfe\xff\x00\xe0\0\0\0\0", b"\xfe\xff\x0d\xe0\x04\0\0\0abcd"])
def test_items_outside_of_sequences_are_no_pixel_data(stray: bytes) -> None:
    data = file_meta(CLASS, INSTANCE, ExplicitVRLittleEndian) + stray + body(ct())
    try:
        found = split(io.BytesIO(data))
    except NotDicom:
        return
    assert isinstance(found, Verbatim)
    assert found.reason is Reason.STRUCTURE


def deflated(dataset: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return file_meta(CLASS, INSTANCE, DeflatedExplicitVRLittleEndian) + squeeze.compress(dataset) + squeeze.flush()


def test_a_deflated_data_set_with_a_broken_structure() -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientID = CLASS, INSTANCE, "P"
    whole = body(part10(ds))
    data = deflated(whole + b"\x10\x00\x40\x00CS\x40\x00F")
    assert identity(data) == (CLASS, INSTANCE)
    assert split(io.BytesIO(data)) == Verbatim(Reason.DEFLATED)


def test_what_is_not_deflated_is_refused() -> None:
    with pytest.raises(NotDicom, match="inflated"):
        read_header(io.BytesIO(file_meta(CLASS, INSTANCE, DeflatedExplicitVRLittleEndian) + b"\xff" * 100))
