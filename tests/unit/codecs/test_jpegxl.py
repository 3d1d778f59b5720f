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


def test_a_huge_image_is_refused_before_it_is_decoded() -> None:
    """A header of 2^30 x 2^30: not small, then twice selector 3 and 30 bits, ratio 0."""
    number = 0
    for value, width, place in ((0, 1, 0), (3, 2, 1), ((1 << 30) - 1, 30, 3), (0, 3, 33), (3, 2, 36)):
        number |= (value & (1 << width) - 1) << place
    number |= ((1 << 30) - 1) << 38
    header = b"\xff\x0a" + number.to_bytes(12, "little")
    assert jpegxl_size(header) == (1 << 30, 1 << 30)
    with pytest.raises(LimitExceeded):
        JpegXl().decode(bytes([16, 2]) + header + bytes(100))


@pytest.mark.parametrize("data", [b"", b"\xff\x0a", bytes.fromhex("0000000c4a584c200d0a870a") + bytes(20)])
def test_no_jpeg_xl(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        jpegxl_size(data)


def test_several_frames_at_once_are_refused() -> None:
    with pytest.raises(CodecError, match="one frame"):
        JpegXl().encode(image((2, 8, 8, 1), "u1", 8))
