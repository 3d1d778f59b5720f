import io
import tracemalloc
from collections.abc import Callable

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

import medarchive.dicom.transcode as transcode_module
from contracts.objects import SHIPPED, ct, part10
from medarchive.dicom.codestream import announced_shape
from medarchive.dicom.frames import all_frames, file_frame
from medarchive.dicom.part10 import file_meta, skip_meta
from medarchive.dicom.transcode import COMPRESSED, NATIVE, TARGETS, transcode
from medarchive.errors import CannotTranscode, CodecError, NotDicom, NotFound

JPEG_LS, J2K, JPEG_XL, HTJ2K = (f"1.2.840.10008.1.2.4.{number}" for number in (80, 90, 110, 201))


def compressed(syntax: str, frames: list[bytes], *, extended: bool = False, **attributes: object) -> bytes:
    """A multi-frame CT whose frames are these."""
    ds = pydicom.dcmread(io.BytesIO(ct(size=32)))
    ds.NumberOfFrames = len(frames)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    if extended:
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        ds.PixelData = encapsulate(frames, has_bot=len(frames) % 2 == 0)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    out = Dataset()
    out.update(ds)
    data = io.BytesIO(part10(out, JPEG_LS))
    skip_meta(data)  # pydicom writes no transfer syntax that it does not know, such as JPEG XL
    return file_meta(ds.SOPClassUID, ds.SOPInstanceUID, syntax) + data.read()


PLANES = [(np.arange(32 * 32).reshape(32, 32) * k % 4096).astype(np.uint16) for k in (1, 3, 7)]
ENCODERS: dict[str, Callable[[np.ndarray], bytes]] = {
    JPEG_LS: lambda plane: bytes(imagecodecs.jpegls_encode(plane)),
    J2K: lambda plane: bytes(imagecodecs.jpeg2k_encode(plane, level=0, codecformat="j2k", reversible=True)),
    JPEG_XL: lambda plane: bytes(imagecodecs.jpegxl_encode(plane, lossless=True)),
    HTJ2K: lambda plane: bytes(imagecodecs.htj2k_encode(plane, reversible=True)),
}


@pytest.mark.parametrize("syntax", ENCODERS)
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_compressed_frames_are_decoded(syntax: str, extended: bool, count: int) -> None:
    data = compressed(syntax, [ENCODERS[syntax](plane) for plane in PLANES[:count]], extended=extended)
    for index in range(count):
        image = file_frame(io.BytesIO(data), index)
        assert np.array_equal(image.pixels[0, :, :, 0], PLANES[index])
        assert image.bits == 12
    with pytest.raises(NotFound):
        file_frame(io.BytesIO(data), count)
    for target in NATIVE:
        native = pydicom.dcmread(transcode(io.BytesIO(data), target))
        assert native.file_meta.TransferSyntaxUID == target
        assert np.array_equal(native.pixel_array.reshape(count, 32, 32), PLANES[:count])


def test_a_frame_in_several_fragments() -> None:
    frame = ENCODERS[JPEG_LS](PLANES[0])
    data = compressed(JPEG_LS, [frame])
    pieces = [frame[i : i + 200] for i in range(0, len(frame), 200)]
    pieces[-1] += b"\0" * (len(pieces[-1]) % 2)
    items = b"".join(b"\xfe\xff\x00\xe0" + len(piece).to_bytes(4, "little") + piece for piece in pieces)
    start = data.index(b"\xe0\x7f\x10\x00OB") + 12
    fragmented = data[:start] + b"\xfe\xff\x00\xe0\0\0\0\0" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert np.array_equal(file_frame(io.BytesIO(fragmented), 0).pixels[0, :, :, 0], PLANES[0])


def test_signed_pixels_in_a_codec_without_signs() -> None:
    values = (PLANES[0].astype(np.int32) - 2048).astype(np.int16)
    stream = ENCODERS[JPEG_LS]((values & 0x0FFF).astype(np.uint16))
    data = compressed(JPEG_LS, [stream], PixelRepresentation=1)
    assert np.array_equal(file_frame(io.BytesIO(data), 0).pixels[0, :, :, 0], values)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"])
def test_pydicoms_compressed_twins_of_one_image(name: str) -> None:
    native = file_frame(io.BytesIO((SHIPPED / "MR_small.dcm").read_bytes()), 0)
    assert file_frame(io.BytesIO((SHIPPED / name).read_bytes()), 0) == native


@pytest.mark.parametrize("name", sorted(file.name for file in SHIPPED.glob("*rle*.dcm")))
def test_run_length_encoding_of_every_width_and_colour(name: str) -> None:
    file = SHIPPED / name
    expected = pydicom.dcmread(file).pixel_array  # pydicom decodes RLE by itself
    found = np.concatenate([image.pixels for image in all_frames(io.BytesIO(file.read_bytes()))])
    assert np.array_equal(found.reshape(expected.shape), expected)


def test_lossless_jpeg_of_a_colour_image() -> None:
    twins = [file_frame(io.BytesIO((SHIPPED / f"SC_rgb_{name}.dcm").read_bytes()), 0) for name in ("jpeg_gdcm", "rle")]
    assert twins[0] == twins[1]


def test_a_jpeg_that_is_called_rgb_keeps_its_colours() -> None:
    red = file_frame(io.BytesIO((SHIPPED / "SC_rgb_dcmtk_+eb+cr.dcm").read_bytes()), 0).pixels[0, 5, 50]
    assert red[0] > 240
    assert max(red[1:]) < 15


@pytest.mark.parametrize("target", NATIVE)
@pytest.mark.parametrize("name", ["ExplVR_BigEnd.dcm", "MR_small_bigendian.dcm", "rtdose_expb.dcm", "image_dfl.dcm"])
def test_native_objects_in_other_encodings(name: str, target: str) -> None:
    file = SHIPPED / name
    original = pydicom.dcmread(file)
    written = pydicom.dcmread(transcode(io.BytesIO(file.read_bytes()), target))
    assert written.file_meta.TransferSyntaxUID == target
    assert written.SOPInstanceUID == original.SOPInstanceUID
    assert np.array_equal(written.pixel_array, original.pixel_array)


@pytest.mark.parametrize("target", NATIVE)
def test_every_attribute_survives_transcoding(target: str) -> None:
    data = ct(PatientComments="Grüße", SpecificCharacterSet="ISO_IR 192")
    written = pydicom.dcmread(transcode(io.BytesIO(data), target))
    original = pydicom.dcmread(io.BytesIO(data))
    assert list(written) == list(original)


ODD = {
    "JPEG2000-embedded-sequence-delimiter.dcm",  # its codestream is broken
    "meta_missing_tsyntax.dcm",  # no SOP Instance UID
    "nested_priv_SQ.dcm",
    "empty_charset_LEI.dcm",
    "badVR.dcm",  # values that pydicom cannot compare
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
@pytest.mark.parametrize("target", NATIVE)
@pytest.mark.parametrize("name", sorted(file.name for file in SHIPPED.glob("*.dcm") if file.name not in ODD))
def test_transcoding_keeps_pixels_and_text_of_every_shipped_file(name: str, target: str) -> None:
    data = (SHIPPED / name).read_bytes()
    try:
        original = pydicom.dcmread(io.BytesIO(data))
    except pydicom.errors.InvalidDicomError:
        with pytest.raises(NotDicom):
            transcode(io.BytesIO(data), target)
        return
    stream = transcode(io.BytesIO(data), target)
    written = pydicom.dcmread(stream)
    assert written.file_meta.TransferSyntaxUID == target
    again = ("PixelData", "PhotometricInterpretation", "PlanarConfiguration")
    described = {element.keyword for element in original if element.tag.element and not element.tag.is_private}
    for keyword in described - {*again, ""}:
        assert str(written[keyword].value) == str(original[keyword].value), keyword
    if "PixelData" in original and len(original.PixelData) > 8191:
        before, after = (np.concatenate([i.pixels for i in all_frames(s)]) for s in (io.BytesIO(data), stream))
        assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("SC_rgb_dcmtk_+eb+cy+np.dcm", "RGB"),  # YBR_FULL_422 in baseline JPEG: the decoder undoes it
        ("SC_rgb_dcmtk_+eb+cr.dcm", "RGB"),
        ("GDCMJ2K_TextGBR.dcm", "RGB"),  # YBR_RCT in JPEG 2000
        ("SC_rgb_jls_lossy_line.dcm", "RGB"),
        ("MR_small_RLE.dcm", "MONOCHROME2"),
    ],
)
def test_the_colours_are_named_as_they_are_once_decoded(name: str, label: str) -> None:
    written = pydicom.dcmread(transcode(io.BytesIO((SHIPPED / name).read_bytes()), ExplicitVRLittleEndian))
    assert written.PhotometricInterpretation == label


def test_colour_that_no_codec_transforms_stays() -> None:
    data = (SHIPPED / "SC_rgb_rle.dcm").read_bytes()
    renamed = data.replace(b"CS\x04\x00RGB ", b"CS\x0c\x00YBR_FULL_422")
    assert renamed != data
    written = pydicom.dcmread(transcode(io.BytesIO(renamed), ExplicitVRLittleEndian))
    assert written.PhotometricInterpretation == "YBR_FULL"


def test_a_jpeg_with_half_an_adobe_segment_is_what_the_header_says() -> None:
    image = file_frame(io.BytesIO((SHIPPED / "SC_rgb_jpeg.dcm").read_bytes()), 0)
    assert image.pixels[0, 0, 0].tolist() == [244, 244, 244]


@pytest.mark.parametrize("syntax", ENCODERS)
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(syntax: str) -> None:
    frame = ENCODERS[syntax](np.zeros((64, 32), np.uint16))
    assert announced_shape(frame)[:2] == (64, 32)
    with pytest.raises(CannotTranscode, match="64, 32"):
        file_frame(io.BytesIO(compressed(syntax, [frame])), 0)


def test_a_codestream_that_announces_gigabytes_takes_no_memory() -> None:
    frame = bytearray(ENCODERS[J2K](PLANES[0]))
    frame[8:16] = (60000).to_bytes(4, "big") * 2
    tracemalloc.start()
    with pytest.raises(CannotTranscode, match="60000"):
        file_frame(io.BytesIO(compressed(J2K, [bytes(frame)])), 0)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_a_codestream_of_more_samples_is_refused() -> None:
    frame = bytearray(ENCODERS[JPEG_LS](PLANES[0]))
    start = frame.index(b"\xff\xf7")
    frame[start + 9] = 200
    with pytest.raises(CannotTranscode, match="200"):
        file_frame(io.BytesIO(compressed(JPEG_LS, [bytes(frame)])), 0)


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm"])
def test_the_size_that_a_jpeg_announces(name: str) -> None:
    ds = pydicom.dcmread(SHIPPED / name)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    assert announced_shape(frame) == (ds.Rows, ds.Columns, ds.SamplesPerPixel)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\0\0\0\x0cjP  "])
)
def test_any_bytes_announce_a_size_or_none(data: bytes, start: bytes) -> None:
    try:
        rows, columns, samples = announced_shape(start + data)
    except CodecError:
        return
    assert rows >= 0
    assert columns >= 0
    assert samples is None or samples >= 0


def test_a_deflated_file_has_frames_and_too_much_of_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = SHIPPED / "image_dfl.dcm"
    expected = pydicom.dcmread(file).pixel_array
    assert np.array_equal(file_frame(io.BytesIO(file.read_bytes()), 0).pixels[0, :, :, 0], expected)
    monkeypatch.setattr(transcode_module, "_MOST_BYTES", 1000)
    with pytest.raises(CannotTranscode, match="1000 bytes"):
        transcode(io.BytesIO(file.read_bytes()), ExplicitVRLittleEndian)


def test_only_these_targets() -> None:
    for target in (ExplicitVRBigEndian, JPEGBaseline8Bit, "1.2.3"):
        with pytest.raises(CannotTranscode, match="possible are"):
            transcode(io.BytesIO(ct()), target)
    assert set(NATIVE) == {ExplicitVRLittleEndian, ImplicitVRLittleEndian}
    assert set(COMPRESSED) == {JPEG_LS, J2K, JPEG_XL, HTJ2K, RLELossless}
    assert (*NATIVE, *COMPRESSED) == TARGETS


def test_broken_frames_are_refused() -> None:
    data = compressed(J2K, [b"this is no codestream!"])
    with pytest.raises(CannotTranscode, match="cannot be decoded"):
        file_frame(io.BytesIO(data), 0)
    with pytest.raises(CannotTranscode):
        transcode(io.BytesIO(data), ExplicitVRLittleEndian)


def test_no_pixel_data_no_frame() -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2", "1.2.3"
    with pytest.raises(NotFound, match="no pixel data"):
        file_frame(io.BytesIO(part10(ds)), 0)
