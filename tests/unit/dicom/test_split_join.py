"""Split and join give the identical file, and the frames are what the header means."""

import io
import struct
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from contracts.objects import ct, part10
from medarchive.dicom import pixels
from medarchive.dicom.instance_blob import MAGIC, Split, join, recipe_of, split
from medarchive.dicom.recipe import Reason, Verbatim
from medarchive.errors import CodecError, CorruptStream
from medarchive.image import Image

RNG = np.random.default_rng(0)


def sc(pixels: bytes, **attributes: object) -> Dataset:
    """A Secondary Capture with this pixel data, 8 x 6 unless told otherwise."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 6, 8, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = pixels
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def taken_apart(data: bytes) -> Split:
    parts = split(io.BytesIO(data))
    assert isinstance(parts, Split), str(parts)
    return parts


def joined(parts: Split) -> bytes:
    out = io.BytesIO()
    join(parts.header, (parts.frames[i : i + 1] for i in range(len(parts.frames))), out)
    return out.getvalue()


def round_trip(data: bytes) -> tuple[Split, Image]:
    """The parts, and all frames as stored values; the file must come back."""
    parts = taken_apart(data)
    assert joined(parts) == data
    whole = parts.frames[: len(parts.frames)]
    whole.check_range()
    return parts, parts.recipe.values(whole)


WORDS = RNG.integers(0, 4096, (6, 8)).astype("<u2")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_twelve_bits_in_sixteen(syntax: str) -> None:
    parts, image = round_trip(part10(sc(WORDS.tobytes()), syntax))
    assert (parts.recipe.fill, image.bits, image.pixels.dtype) == ("zero", 12, np.dtype("u2"))
    assert np.array_equal(image.pixels[0, :, :, 0], WORDS)


def test_big_endian_words() -> None:
    data = part10(sc(WORDS.astype(">u2").tobytes()), ExplicitVRBigEndian)
    parts, image = round_trip(data)
    assert parts.recipe.big_endian
    assert np.array_equal(image.pixels[0, :, :, 0], WORDS)


def test_big_endian_bytes_written_as_words() -> None:
    pixels = RNG.integers(0, 256, (6, 8)).astype(np.uint8)
    swapped = pixels.reshape(-1, 2)[:, ::-1].tobytes()
    ds = sc(swapped, BitsAllocated=8, BitsStored=8, HighBit=7)
    ds["PixelData"].VR = "OW"
    _, image = round_trip(part10(ds, ExplicitVRBigEndian))
    assert np.array_equal(image.pixels[0, :, :, 0], pixels)


def test_big_endian_bytes_written_as_bytes() -> None:
    pixels = RNG.integers(0, 256, (6, 8)).astype(np.uint8)
    ds = sc(pixels.tobytes(), BitsAllocated=8, BitsStored=8, HighBit=7)
    ds["PixelData"].VR = "OB"
    _, image = round_trip(part10(ds, ExplicitVRBigEndian))
    assert np.array_equal(image.pixels[0, :, :, 0], pixels)


@pytest.mark.parametrize(("frames", "rows", "columns"), [(1, 3, 5), (2, 3, 3), (3, 3, 3), (4, 1, 1)])
def test_big_endian_bytes_written_as_words_in_odd_frames(frames: int, rows: int, columns: int) -> None:
    pixels = RNG.integers(0, 256, (frames, rows, columns)).astype(np.uint8)
    padded = pixels.tobytes() + b"\x55" * (pixels.size % 2)
    turned = np.frombuffer(padded, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    ds = sc(turned, BitsAllocated=8, BitsStored=8, HighBit=7, Rows=rows, Columns=columns, NumberOfFrames=frames)
    ds["PixelData"].VR = "OW"
    parts, image = round_trip(part10(ds, ExplicitVRBigEndian))
    assert np.array_equal(image.pixels[..., 0], pixels)
    for index in range(frames):
        assert np.array_equal(parts.frames[index : index + 1].pixels[0, :, :, 0], pixels[index])


def test_signed_values_with_the_sign_repeated_above() -> None:
    values = RNG.integers(-2048, 2048, (6, 8)).astype("<i2")
    parts, image = round_trip(part10(sc(values.tobytes(), PixelRepresentation=1)))
    assert (parts.recipe.fill, image.bits) == ("sign", 12)
    assert np.array_equal(image.pixels[0, :, :, 0], values)


def test_signed_values_with_zeros_above() -> None:
    values = RNG.integers(-2048, 2048, (6, 8)).astype("<i2")
    parts, image = round_trip(part10(sc((values & 0x0FFF).tobytes(), PixelRepresentation=1)))
    assert (parts.recipe.fill, image.bits) == ("zero", 12)
    assert np.array_equal(image.pixels[0, :, :, 0], values)


def test_signed_frames_of_both_kinds_are_kept_whole() -> None:
    one, other = np.full((6, 8), -5, "<i2"), np.full((6, 8), -5 & 0x0FFF, "<i2")
    data = part10(sc(one.tobytes() + other.tobytes(), PixelRepresentation=1, NumberOfFrames=2))
    parts, image = round_trip(data)
    assert parts.recipe.fill == "word"
    assert set(image.pixels.flat) == {-5}


def test_an_overlay_in_the_upper_bits_is_kept() -> None:
    overlaid = WORDS | (RNG.integers(0, 2, (6, 8)).astype("<u2") << 15)
    parts, image = round_trip(part10(sc(overlaid.tobytes())))
    assert (parts.recipe.fill, parts.frames[:1].bits) == ("word", 16)
    assert np.array_equal(image.pixels[0, :, :, 0], WORDS), "the stored values are without the overlay"


@pytest.mark.parametrize("signed", [0, 1])
def test_a_high_bit_elsewhere(signed: int) -> None:
    values = RNG.integers(-2048, 2048, (6, 8)) if signed else WORDS.astype(np.int64)
    shifted = ((values & 0x0FFF) << 4).astype("<u2")
    parts, image = round_trip(part10(sc(shifted.tobytes(), HighBit=15, PixelRepresentation=signed)))
    assert parts.recipe.fill == "word"
    assert np.array_equal(image.pixels[0, :, :, 0], values)


@pytest.mark.parametrize(("stored", "high"), [(16, 11), (12, 3), (17, 16), (12, 40), (0, 15)])
@pytest.mark.parametrize("signed", [0, 1])
def test_bits_that_no_word_has_are_read_as_whole_words(stored: int, high: int, signed: int) -> None:
    words = RNG.integers(0, 1 << 16, (6, 8)).astype("<u2")
    _, image = round_trip(part10(sc(words.tobytes(), BitsStored=stored, HighBit=high, PixelRepresentation=signed)))
    assert np.array_equal(image.pixels[0, :, :, 0], words.view("<i2") if signed else words)


def test_planes_by_sample() -> None:
    planes = RNG.integers(0, 256, (2, 3, 6, 8)).astype(np.uint8)
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1}
    ds = sc(planes.tobytes(), BitsAllocated=8, BitsStored=8, HighBit=7, NumberOfFrames=2, **attributes)
    _, image = round_trip(part10(ds))
    assert np.array_equal(image.pixels, np.moveaxis(planes, 1, 3))


def test_colour_by_pixel() -> None:
    pixels = RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    _, image = round_trip(part10(sc(pixels.tobytes(), BitsAllocated=8, BitsStored=8, HighBit=7, **attributes)))
    assert np.array_equal(image.pixels[0], pixels)


def test_native_ybr_full_422() -> None:
    quads = RNG.integers(0, 256, (6, 4, 4)).astype(np.uint8)  # Y Y Cb Cr
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 0}
    parts, image = round_trip(part10(sc(quads.tobytes(), BitsAllocated=8, BitsStored=8, HighBit=7, **attributes)))
    assert parts.recipe.layout == "ybr422"
    assert image.pixels.shape == (1, 6, 8, 3)
    assert np.array_equal(image.pixels[0, :, ::2, 0], quads[..., 0])
    assert np.array_equal(image.pixels[0, :, 1::2, 1], quads[..., 2])
    assert np.array_equal(image.pixels[0, :, ::2, 2], quads[..., 3])


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (5, 3), (1, 1), (3, 7)])
def test_one_bit_segmentations_whose_frames_end_within_a_byte(rows: int, columns: int, frames: int) -> None:
    bits = RNG.integers(0, 2, (frames, rows, columns)).astype(np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    packed += b"\0" * (len(packed) % 2)
    ds = sc(packed, Rows=rows, Columns=columns, NumberOfFrames=frames, BitsAllocated=1, BitsStored=1, HighBit=0)
    ds["PixelData"].VR = "OB"
    parts, image = round_trip(part10(ds))
    assert image.bits == 1
    assert np.array_equal(image.pixels[..., 0], bits)
    for index in range(frames):
        assert np.array_equal(parts.frames[index : index + 1].pixels[0, :, :, 0], bits[index])


def test_a_used_last_bit_behind_the_frames_is_kept() -> None:
    ds = sc(b"\xff\xff", Rows=3, Columns=3, BitsAllocated=1, BitsStored=1, HighBit=0)
    ds["PixelData"].VR = "OB"
    round_trip(part10(ds))


@pytest.mark.parametrize("signed", [0, 1])
def test_thirty_two_bits(signed: int) -> None:
    words = RNG.integers(0, 1 << 32, (6, 8), dtype=np.uint32)
    attributes = {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31, "PixelRepresentation": signed}
    _, image = round_trip(part10(sc(words.tobytes(), **attributes)))
    assert image.bits == 32
    assert np.array_equal(image.pixels[0, :, :, 0].view(np.uint32), words)


def test_surplus_data_belongs_to_the_tail() -> None:
    parts, image = round_trip(part10(sc(WORDS.tobytes() + b"surplus!" * 3)))
    assert len(image) == 1
    assert len(parts.frames) == 1


def test_fewer_frames_than_announced() -> None:
    parts, image = round_trip(part10(sc(WORDS.tobytes() * 2 + b"half a frame", NumberOfFrames=5)))
    assert len(parts.frames) == len(image) == 2


def test_less_than_a_frame_is_kept_verbatim() -> None:
    found = split(io.BytesIO(part10(sc(WORDS.tobytes()[:-2]))))
    assert isinstance(found, Verbatim)
    assert found.reason is Reason.SHORT


def test_a_file_that_breaks_off_within_a_later_frame() -> None:
    data = part10(sc(WORDS.tobytes() * 3, NumberOfFrames=3))[:-30]
    parts, _ = round_trip(data)
    assert len(parts.frames) == 2


def test_an_odd_number_of_pixels_and_its_padding() -> None:
    pixels = bytes(range(15))
    ds = sc(pixels + b"\x7f", Rows=3, Columns=5, BitsAllocated=8, BitsStored=8, HighBit=7)
    ds["PixelData"].VR = "OB"
    _, image = round_trip(part10(ds))
    assert image.pixels.reshape(-1).tolist() == list(range(15))


def test_what_is_too_large_is_kept_verbatim(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = part10(sc(WORDS.tobytes(), Rows=65535, Columns=65535, BitsAllocated=1, BitsStored=1, HighBit=0))
    assert split(io.BytesIO(huge)) == Verbatim(Reason.SHORT, "96 bytes, a frame has 536854529")
    monkeypatch.setattr(pixels, "MAX_SAMPLES", 47)
    found = split(io.BytesIO(part10(sc(WORDS.tobytes()))))
    assert found == Verbatim(Reason.LARGE, "1 frames of 6 x 8 x 1")
    monkeypatch.undo()
    monkeypatch.setattr(pixels, "MOST_AROUND", 1000)
    found = split(io.BytesIO(part10(sc(WORDS.tobytes() + bytes(2000)))))
    assert isinstance(found, Verbatim)
    assert found.reason is Reason.LARGE


def test_fragments_that_were_given_a_length_are_compressed_pixel_data() -> None:
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x60\0\0\0" + WORDS.tobytes()
    data = part10(sc(fragments))
    compressed = data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    assert split(io.BytesIO(compressed)) == Verbatim(Reason.ENCAPSULATED)
    assert isinstance(split(io.BytesIO(data)), Split)


def test_elements_behind_the_pixel_data() -> None:
    ds = sc(WORDS.tobytes())
    ds.add_new(0xFFFCFFFC, "OB", b"\0" * 100)
    round_trip(part10(ds))


def test_an_icon_image_is_not_the_pixel_data() -> None:
    icon = sc(bytes(96), BitsAllocated=8, BitsStored=8, HighBit=7, Rows=8, Columns=12)
    del icon.SOPClassUID, icon.SOPInstanceUID
    ds = sc(WORDS.tobytes())
    ds.IconImageSequence = [icon]
    for undefined in (False, True):
        ds["IconImageSequence"].is_undefined_length = undefined
        _, image = round_trip(part10(ds))
        assert np.array_equal(image.pixels[0, :, :, 0], WORDS)
    alone = Dataset()
    alone.SOPClassUID, alone.SOPInstanceUID = ds.SOPClassUID, "1.2.3.5"
    alone.IconImageSequence = [icon]
    assert split(io.BytesIO(part10(alone))) == Verbatim(Reason.NONE)


@pytest.mark.parametrize(("keyword", "code"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_floating_point_is_kept_verbatim(keyword: str, code: str) -> None:
    ds = sc(b"\0\0", BitsAllocated=32)
    del ds.PixelData
    setattr(ds, keyword, np.zeros((6, 8), code).tobytes())
    assert split(io.BytesIO(part10(ds))) == Verbatim(Reason.FLOAT)


def test_nested_sequences_of_undefined_length_and_private_ones() -> None:
    ds = sc(WORDS.tobytes())
    inner = Dataset()
    for level in range(20):
        outer = Dataset()
        outer.add_new(0x00091001, "LO", f"level {level}")
        outer.add_new(0x00091002, "SQ", [inner])
        outer[0x00091002].is_undefined_length = True
        inner = outer
    ds.add_new(0x00090010, "LO", "TEST")
    ds.add_new(0x00091002, "SQ", [inner])
    ds[0x00091002].is_undefined_length = True
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        round_trip(part10(ds, syntax))


@pytest.mark.parametrize("number", range(1, 60, 7))
def test_any_slice_of_frames_is_the_same_frames(number: int) -> None:
    frames = RNG.integers(0, 2, (60, 3, 3)).astype(np.uint8)
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes() + b"\0"
    ds = sc(packed[: len(packed) & ~1], Rows=3, Columns=3, NumberOfFrames=60, BitsAllocated=1, BitsStored=1, HighBit=0)
    ds["PixelData"].VR = "OB"
    parts = taken_apart(part10(ds))
    assert np.array_equal(parts.frames[number - 1 : number + 4].pixels[..., 0], frames[number - 1 : number + 4])


def test_a_changed_header_blob_is_refused() -> None:
    parts = taken_apart(ct())
    for position in range(len(parts.header)):
        changed = bytearray(parts.header)
        changed[position] ^= 1 << position % 8
        out = io.BytesIO()
        with pytest.raises(CodecError):
            join(bytes(changed), [parts.frames[:1]], out)
        assert not out.getvalue()
    for other in (parts.header + b"\0", parts.header[:-1]):
        with pytest.raises(CodecError):
            recipe_of(other)


def test_foreign_header_blobs_are_refused() -> None:
    for blob in (b"", MAGIC, MAGIC + bytes(100), taken_apart(ct()).header[:-10], b"\0" * 60):
        with pytest.raises(CodecError):
            recipe_of(blob)


def test_a_header_blob_that_announces_gigabytes_is_refused() -> None:
    header = bytearray(taken_apart(ct()).header)
    header[25:33] = struct.pack("<Q", 1 << 40)
    header[41:45] = struct.pack("<I", zlib.crc32(header[45:], zlib.crc32(header[:41])))
    with pytest.raises(CodecError, match="announces"):
        recipe_of(bytes(header))


def test_frames_that_do_not_belong_are_refused() -> None:
    parts = taken_apart(ct())
    with pytest.raises(CorruptStream, match="shape"):
        join(parts.header, [Image(np.zeros((1, 3, 3, 1), np.uint16), 12)], io.BytesIO())
    with pytest.raises(CorruptStream, match="split off"):
        join(parts.header, [], io.BytesIO())
