import imagecodecs
import numpy as np
import pytest

from contracts.codec_suite import CodecSuite, image
from medarchive.codecs.jpegxl import JpegXl, jpegxl_size
from medarchive.errors import CodecError, CorruptStream, LimitExceeded


class TestJpegXl(CodecSuite):
    name = "jpegxl"
    takes_samples = (1, 3)
    most_bits = 16


@pytest.mark.parametrize("bits", [8, 12, 13, 16])
@pytest.mark.parametrize(
    "shape", [(1, 1), (8, 8), (8, 256), (256, 8), (512, 512), (480, 640), (9, 1000), (1200, 3), (513, 8200)]
)
def test_the_size_is_read_from_the_header(shape: tuple[int, int], bits: int) -> None:
    stream = JpegXl().encode(image((1, *shape, 1), "u2", bits), effort=1)
    assert jpegxl_size(stream[2:]) == shape


def test_the_stream_behind_its_prefix_is_plain_jpeg_xl() -> None:
    original = image((1, 40, 30, 1), "u2", 12)
    plain = imagecodecs.jpegxl_decode(JpegXl().encode(original)[2:])
    assert np.array_equal(plain, original.pixels[0, :, :, 0])


def header(*fields: tuple[int, int]) -> bytes:
    """A codestream's first bytes: fields of (value, bits), the lowest bit first."""
    number, place = 0, 0
    for value, width in fields:
        number |= value << place
        place += width
    return b"\xff\x0a" + number.to_bytes((place + 7) // 8, "little")


LARGE = (3, 2), ((1 << 30) - 1, 30)
SMALL = (1, 1), (0, 5), (1, 3)
"""8 x 8."""


def test_a_huge_image_is_refused_before_it_is_decoded() -> None:
    start = header((0, 1), *LARGE, (0, 3), *LARGE, (1, 1))
    assert jpegxl_size(start) == (1 << 30, 1 << 30)
    with pytest.raises(LimitExceeded):
        JpegXl().decode(bytes([16, 2]) + start + bytes(100))


@pytest.mark.parametrize("field", [1, 2, 4], ids=["intrinsic size", "preview", "animation"])
def test_more_than_one_image_is_refused_before_it_is_decoded(field: int) -> None:
    with pytest.raises(CorruptStream, match="preview"):
        jpegxl_size(header(*SMALL, (0, 1), (1, 1), (0, 3), (field, 3), (0, 64)))


def test_thousands_of_extra_channels_are_refused_before_they_are_decoded() -> None:
    """A few hundred bytes of them decode to any number of gigabytes."""
    planes = np.zeros((1, 40, 64, 64), np.uint8)
    stream = imagecodecs.jpegxl_encode(planes, lossless=True, photometric="gray", planar=True, numthreads=1)
    assert len(stream) < 1000
    with pytest.raises(CorruptStream, match="extra channels"):
        JpegXl().decode(bytes([8, 1]) + stream)
    with pytest.raises(CorruptStream, match="extra channels"):
        jpegxl_size(header(*SMALL, (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (3, 2), (4095, 12)))


def test_a_header_in_pieces_is_refused() -> None:
    """What the first piece lacks, a decoder takes from the next one; a size guessed from the first would be wrong."""
    start = header((0, 1), *LARGE, (0, 3), *LARGE, (1, 1))
    parts = [b"\0\0\0\0" + start[:5], b"\x80\0\0\1" + start[5:]]
    boxes = b"".join((8 + len(part)).to_bytes(4, "big") + b"jxlp" + part for part in parts)
    with pytest.raises(CorruptStream, match="breaks off"):
        jpegxl_size(bytes.fromhex("0000000c4a584c200d0a870a") + boxes)


@pytest.mark.parametrize("data", [b"", b"\xff\x0a", bytes.fromhex("0000000c4a584c200d0a870a") + bytes(20)])
def test_no_jpeg_xl(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        jpegxl_size(data)


def test_several_frames_at_once_are_refused() -> None:
    with pytest.raises(CodecError, match="one frame"):
        JpegXl().encode(image((2, 8, 8, 1), "u1", 8))
