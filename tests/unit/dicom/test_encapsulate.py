"""Objects brought into compressed transfer syntaxes: the same pixels and attributes, or a refusal that says why."""

import contextlib
import io
import warnings
from typing import BinaryIO

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian

import medarchive.dicom.encapsulate as encapsulate_module
from contracts.objects import SHIPPED, ct, part10
from medarchive.dicom.frames import all_frames
from medarchive.dicom.transcode import COMPRESSED, transcode
from medarchive.errors import CannotTranscode, NotDicom

JPEG_LS, HTJ2K, J2K, JPEG_XL, RLE = COMPRESSED
OTHERS = {
    JPEG_LS: imagecodecs.jpegls_decode,
    HTJ2K: imagecodecs.jpeg2k_decode,
    J2K: imagecodecs.jpeg2k_decode,
    JPEG_XL: imagecodecs.jpegxl_decode,
}


def made(values: np.ndarray, *, bits: int, photometric: str = "MONOCHROME2", **attributes: object) -> bytes:
    """An object with these frames, (frames, rows, columns, samples)."""
    ds = pydicom.dcmread(io.BytesIO(ct(size=8)))
    frames, ds.Rows, ds.Columns, ds.SamplesPerPixel = values.shape
    ds.NumberOfFrames = frames
    ds.BitsAllocated = 8 * values.dtype.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(values.dtype.kind == "i")
    ds.PhotometricInterpretation = photometric
    if values.shape[3] > 1:
        ds.PlanarConfiguration = 0
    ds.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    ds["PixelData"].VR = "OW" if values.dtype.itemsize == 2 else "OB"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return part10(ds)


def pixels(file: BinaryIO) -> np.ndarray:
    found = np.concatenate([image.pixels for image in all_frames(file)])
    file.seek(0)
    return found


@pytest.mark.filterwarnings("ignore")  # pydicom's, about its own odd files
@pytest.mark.parametrize("target", COMPRESSED)
@pytest.mark.parametrize("name", sorted(file.name for file in SHIPPED.glob("*.dcm")))
def test_every_shipped_file_keeps_its_pixels_or_is_refused(name: str, target: str) -> None:
    data = (SHIPPED / name).read_bytes()
    try:
        written = transcode(io.BytesIO(data), target)
    except (CannotTranscode, NotDicom):
        return
    before = pydicom.dcmread(io.BytesIO(data))
    assert np.array_equal(pixels(io.BytesIO(data)), pixels(written))
    after = pydicom.dcmread(written)
    assert after.file_meta.TransferSyntaxUID == target
    described = {element.keyword for element in before if element.tag.element and not element.tag.is_private}
    for keyword in described - {"PixelData", "PhotometricInterpretation", "PlanarConfiguration", ""}:
        assert str(after[keyword].value) == str(before[keyword].value), keyword


@pytest.mark.parametrize("target", COMPRESSED)
@pytest.mark.parametrize("bits", [2, 8, 10, 12, 16])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 7, 1), (3, 64, 33, 1)])
@pytest.mark.parametrize("kind", ["flat", "noise", "edges"])
def test_grey_of_every_depth(target: str, bits: int, shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(1)
    top = (1 << bits) - 1
    values = {"flat": np.full(shape, top), "noise": rng.integers(0, top + 1, shape)}.get(
        kind, np.where(np.indices(shape).sum(0) % 2, top, 0)
    )
    data = made(values.astype(np.uint8 if bits <= 8 else np.uint16), bits=bits)
    if target == JPEG_LS and bits not in (8, 16) and (kind == "noise" or shape[1] < 8):
        with contextlib.suppress(CannotTranscode):  # CharLS' wrapper leaves no room for what hardly shrinks
            assert np.array_equal(pixels(transcode(io.BytesIO(data), target)), values)
        return
    assert np.array_equal(pixels(transcode(io.BytesIO(data), target)), values)


@pytest.mark.parametrize("target", [JPEG_LS, HTJ2K, J2K, RLE])
def test_signed_values(target: str) -> None:
    values = (np.arange(2 * 40 * 40).reshape(2, 40, 40, 1) * 7 % 4096 - 2048).astype(np.int16)
    written = transcode(io.BytesIO(made(values, bits=12)), target)
    assert np.array_equal(pixels(written), values)
    assert pydicom.dcmread(written).PixelRepresentation == 1


def test_jpeg_xl_holds_no_signs() -> None:
    with pytest.raises(CannotTranscode, match="signed"):
        transcode(io.BytesIO(made(np.zeros((1, 8, 8, 1), np.int16), bits=12)), JPEG_XL)


@pytest.mark.parametrize(
    ("target", "label"), [(JPEG_LS, "RGB"), (HTJ2K, "YBR_RCT"), (J2K, "YBR_RCT"), (JPEG_XL, "RGB"), (RLE, "RGB")]
)
def test_colours_are_named_as_the_codestream_has_them(target: str, label: str) -> None:
    values = np.random.default_rng(2).integers(0, 256, (2, 20, 30, 3)).astype(np.uint8)
    for planar in (0, 1):
        laid = np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if planar else values
        data = made(values, bits=8, photometric="RGB", PlanarConfiguration=planar, PixelData=laid.tobytes())
        written = pydicom.dcmread(transcode(io.BytesIO(data), target))
        assert (written.PhotometricInterpretation, written.PlanarConfiguration) == (label, 0)
        assert np.array_equal(pixels(transcode(io.BytesIO(data), target)), values)


@pytest.mark.parametrize("target", COMPRESSED)
def test_other_decoders_read_the_frames(target: str) -> None:
    values = (np.arange(3 * 32 * 32).reshape(3, 32, 32, 1) * 5 % 4096).astype(np.uint16)
    written = pydicom.dcmread(transcode(io.BytesIO(made(values, bits=12)), target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if target not in (JPEG_XL, HTJ2K, J2K):  # pydicom's own plugins; those need packages that are not installed
            assert np.array_equal(written.pixel_array, values[..., 0])
    if target in OTHERS:
        frames = [OTHERS[target](frame) for frame in generate_frames(written.PixelData, number_of_frames=3)]
        assert np.array_equal(np.stack(frames), values[..., 0])


def test_the_precision_of_jpeg_ls_is_bits_stored() -> None:
    data = made(np.arange(64, dtype=np.uint16).reshape(1, 8, 8, 1), bits=12)
    frame = next(generate_frames(pydicom.dcmread(transcode(io.BytesIO(data), JPEG_LS)).PixelData, number_of_frames=1))
    assert frame[frame.index(b"\xff\xf7") + 4] == 12


def test_what_lies_beside_the_stored_bits_is_not_lost() -> None:
    values = np.full((1, 8, 8, 1), 0x8123, np.uint16)
    data = made(values, bits=12)
    for target in COMPRESSED:
        with pytest.raises(CannotTranscode, match="beside the stored ones"):
            transcode(io.BytesIO(data), target)
    assert transcode(io.BytesIO(data), ExplicitVRLittleEndian)


def test_no_pixel_data_is_not_compressed() -> None:
    ds = pydicom.dcmread(io.BytesIO(ct(size=8)))
    del ds.PixelData
    with pytest.raises(CannotTranscode, match="no pixel data"):
        transcode(io.BytesIO(part10(ds)), JPEG_LS)


def test_a_frame_that_does_not_come_back_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    other = made(np.ones((1, 8, 8, 1), np.uint16), bits=12)
    wrong = next(generate_frames(pydicom.dcmread(transcode(io.BytesIO(other), JPEG_LS)).PixelData, number_of_frames=1))
    monkeypatch.setitem(encapsulate_module._ENCODERS, JPEG_LS, lambda frame: wrong)
    with pytest.raises(CannotTranscode, match="does not come back"):
        transcode(io.BytesIO(made(np.zeros((1, 8, 8, 1), np.uint16), bits=12)), JPEG_LS)
