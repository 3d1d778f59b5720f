import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.encoders.base import RLELosslessEncoder

from medarchive.dicom.rle import decode_rle
from medarchive.errors import CorruptStream


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (40, 300)])
def test_what_pydicom_encodes_is_decoded(shape: tuple[int, int], samples: int, width: int) -> None:
    rows, columns = shape
    rng = np.random.default_rng(width)
    runs = np.repeat(rng.integers(0, 1 << 8 * width, (rows, columns // 4 + 1, samples), np.uint64), 4, axis=1)
    frame = np.where(rng.random((rows, columns, 1)) < 0.5, runs[:, :columns], 0).astype(f"<u{width}")
    encoded = RLELosslessEncoder.encode(
        frame if samples > 1 else frame[..., 0],
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=8 * width,
        bits_stored=8 * width,
        pixel_representation=0,
        number_of_frames=1,
        photometric_interpretation="RGB" if samples > 1 else "MONOCHROME2",
        planar_configuration=0,
        encoding_plugin="pydicom",
    )
    assert np.array_equal(decode_rle(encoded, rows, columns, samples, width), frame)


def segment(*chunks: bytes) -> bytes:
    return struct.pack("<16I", 1, 64, *[0] * 14) + b"".join(chunks)


def test_literal_runs_repeated_runs_and_nothing() -> None:
    data = segment(b"\x02abc", b"\x80", b"\xfed", b"\x00e")
    assert decode_rle(data, 1, 7, 1, 1).tobytes() == b"abcddde"
    assert decode_rle(data, 1, 5, 1, 1).tobytes() == b"abcdd", "what is more than a plane is padding"


@pytest.mark.parametrize("data", [b"", bytes(64), segment(b"\x05ab"), segment(b"\xff"), segment(b"\x80" * 9)])
def test_frames_that_end_too_soon_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        decode_rle(data, 2, 4, 1, 1)


@given(st.lists(st.integers(0, 200), min_size=16, max_size=16), st.binary(max_size=100))
def test_any_bytes_are_decoded_or_refused(header: list[int], data: bytes) -> None:
    header[0] = header[0] % 3
    try:
        found = decode_rle(struct.pack("<16I", *header) + data, 3, 5, 1, 2)
    except CorruptStream:
        return
    assert found.shape == (3, 5, 1)
