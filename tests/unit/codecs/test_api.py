import numpy as np
import pytest

import medarchive
from medarchive.errors import CodecError, CorruptStream, LimitExceeded, UnknownCodec, UnsupportedImage

ARRAYS = [
    np.zeros((1, 1), np.uint8),
    np.arange(12, dtype=np.int64).reshape(3, 4) - 6,
    np.random.default_rng(0).integers(-(2**31), 2**31, (2, 5, 6)).astype(np.int32),
    np.random.default_rng(1).integers(0, 2**32, (4, 4), dtype=np.uint64),
    np.random.default_rng(2).integers(0, 256, (2, 9, 8, 3)).astype(np.uint8),
    np.random.default_rng(3).integers(0, 2, (30, 41)).astype(bool),
    np.random.default_rng(4).integers(0, 4096, (20, 20)).astype(">u2"),
    np.random.default_rng(5).integers(-100, 100, (3, 6, 7, 1)).astype(np.int8),
    np.random.default_rng(6).integers(0, 4096, (40, 40)).astype(np.uint16)[::2, ::-1],
    np.full((2, 2), -1, np.int16),
    np.full((2, 2), -(2**31), np.int32),
    np.full((2, 2), -(2**31)),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_what_goes_in_comes_out(array: np.ndarray) -> None:
    decoded = medarchive.decode(medarchive.encode(array))
    assert decoded.dtype == array.dtype
    assert decoded.shape == array.shape
    assert np.array_equal(decoded, array)


@pytest.mark.parametrize("max_error", [1, 3])
def test_near_lossless(max_error: int) -> None:
    array = np.random.default_rng(0).integers(-1000, 3000, (4, 50, 50)).astype(np.int16)
    data = medarchive.encode(array, max_error=max_error)
    assert np.abs(medarchive.decode(data).astype(int) - array).max() <= max_error
    assert len(data) < len(medarchive.encode(array))
    assert medarchive.inspect(data).max_error == max_error


@pytest.mark.parametrize(("value", "bits"), [(-1, 1), (-128, 8), (-129, 9), (127, 8), (128, 9), (0, 1), (-(2**31), 32)])
def test_no_more_bits_are_taken_than_the_values_need(value: int, bits: int) -> None:
    assert medarchive.inspect(medarchive.encode(np.full((2, 2), value, np.int64))).bits == bits


def test_lists_are_arrays_too() -> None:
    assert medarchive.decode(medarchive.encode([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]


def test_inspect_reads_without_decoding() -> None:
    array = np.zeros((3, 20, 30), np.int16)
    data = medarchive.encode(array, codec="jpegxl", bits=12)
    found = medarchive.inspect(data)
    assert (found.codec, found.shape, found.dtype, found.bits) == ("jpegxl", (3, 20, 30), "int16", 12)
    assert found.raw_bytes == array.nbytes
    assert found.bytes == len(data)
    assert found.ratio == pytest.approx(array.nbytes / len(data))
    assert len(found.stream_bytes) == 3


def test_a_codec_is_taken_by_name() -> None:
    array = np.arange(100, dtype=np.uint16).reshape(10, 10)
    for name in ("jpegxl", "zstd-planes"):
        assert medarchive.inspect(medarchive.encode(array, codec=name)).codec == name


def test_codecs_are_listed() -> None:
    assert {info.name for info in medarchive.codecs()} >= {"jpegxl", "zstd-planes"}
    assert all(info.available for info in medarchive.codecs())


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((2, 2)), "round and scale"),
        (np.zeros((2, 2), complex), "expected integers"),
        (np.zeros((0, 4), np.uint8), "none of them empty"),
        (np.zeros(5, np.uint8), "expected"),
        (np.zeros((1, 1, 1, 1, 1), np.uint8), "expected"),
        (np.array([[2**40]]), "need 42 bits"),
        (np.array([["a"]]), "expected integers"),
    ],
)
def test_what_cannot_be_encoded_is_refused_with_advice(array: np.ndarray, says: str) -> None:
    with pytest.raises(UnsupportedImage, match=says):
        medarchive.encode(array)


def test_bad_parameters_are_refused() -> None:
    array = np.full((2, 2), 300, np.uint16)
    with pytest.raises(UnsupportedImage, match="need 9 bits"):
        medarchive.encode(array, bits=8)
    with pytest.raises(UnsupportedImage, match="effort"):
        medarchive.encode(array, effort=0)
    with pytest.raises(UnsupportedImage, match="max_error"):
        medarchive.encode(array, max_error=-1)
    with pytest.raises(UnknownCodec, match="known are"):
        medarchive.encode(array, codec="gzip")


def test_an_array_larger_than_allowed_is_not_made() -> None:
    data = medarchive.encode(np.zeros((100, 100), np.uint16))
    with pytest.raises(LimitExceeded, match="max_bytes"):
        medarchive.decode(data, max_bytes=1000)


@pytest.mark.parametrize("data", [b"", b"PNG", bytes(1000), b"\x89MEDA\r\n\x1a\x01" + bytes(60)])
def test_foreign_bytes(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        medarchive.decode(data)
    with pytest.raises(CodecError):
        medarchive.inspect(data)
