"""No bytes that hang, crash or fill the memory; no object that does not come back."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from contracts.objects import ct, part10
from medarchive.dicom.attributes import extract
from medarchive.dicom.instance_blob import Split, join, split
from medarchive.dicom.part10 import file_meta, read_header
from medarchive.errors import MedarchiveError

SMALL = ct(size=4)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def tried(data: bytes) -> None:
    try:
        extract(read_header(io.BytesIO(data)))
        parts = split(io.BytesIO(data))
    except MedarchiveError:
        return
    if isinstance(parts, Split):
        out = io.BytesIO()
        join(parts.header, (parts.frames[i : i + 1] for i in range(len(parts.frames))), out)
        assert out.getvalue() == data


@given(st.binary(max_size=300), st.sampled_from(SYNTAXES))
@settings(max_examples=300, deadline=None)
def test_any_bytes_behind_a_file_meta(data: bytes, syntax: str) -> None:
    tried(file_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.3", syntax) + data)


@given(st.integers(132, len(SMALL) - 1), st.integers(1, 255), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_any_change_of_a_real_file(position: int, change: int, cut: int) -> None:
    changed = bytearray(SMALL)
    changed[position] ^= change
    tried(bytes(changed[: len(changed) - cut]))


@given(
    st.sampled_from(SYNTAXES),
    st.sampled_from([8, 16, 32]),
    st.integers(1, 32),
    st.integers(0, 31),
    st.integers(0, 1),
    st.sampled_from([1, 3]),
    st.integers(0, 1),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
    st.binary(max_size=700),
)
@settings(max_examples=400, deadline=None)
def test_any_description_of_any_pixels(
    syntax: str,
    allocated: int,
    stored: int,
    high: int,
    signed: int,
    samples: int,
    planar: int,
    shape: tuple[int, int, int],
    pixels: bytes,
) -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    ds.Rows, ds.Columns, ds.NumberOfFrames = shape
    ds.SamplesPerPixel, ds.PlanarConfiguration = samples, planar
    ds.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = allocated, stored, high, signed
    ds.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))
    data = part10(ds, syntax)
    tried(data)
    parts = split(io.BytesIO(data))
    if isinstance(parts, Split):
        whole = parts.frames[: len(parts.frames)]
        whole.check_range()
        values = parts.recipe.values(whole)
        values.check_range()
        assert values.pixels.shape == (parts.recipe.frames, *shape[:2], samples)
        assert np.issubdtype(values.pixels.dtype, np.signedinteger) == bool(signed)
