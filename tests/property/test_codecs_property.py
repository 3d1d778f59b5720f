"""No image that does not come back, no bytes that do harm."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import medarchive
from medarchive.errors import CodecError, CorruptStream, LimitExceeded

ARRAYS = st.sampled_from(["u1", "u2", "u4", "i1", "i2", "i4", "?", "<i8", ">u2"]).flatmap(
    lambda dtype: npst.arrays(
        dtype,
        npst.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=9),
        elements=None if dtype != "<i8" else st.integers(-(2**31), 2**31 - 1),
    )
)
EXAMPLE = medarchive.encode(np.arange(300, dtype=np.uint16).reshape(3, 10, 10))


@given(ARRAYS, st.sampled_from([None, "zstd-planes"]))
@settings(max_examples=150, deadline=None)
def test_every_array_comes_back(array: np.ndarray, codec: str | None) -> None:
    decoded = medarchive.decode(medarchive.encode(array, codec=codec, effort=1))
    assert decoded.dtype == array.dtype
    assert np.array_equal(decoded, array)


@given(ARRAYS, st.integers(1, 2**15))
@settings(max_examples=100, deadline=None)
def test_the_bound_holds(array: np.ndarray, max_error: int) -> None:
    decoded = medarchive.decode(medarchive.encode(array, codec="zstd-planes", effort=1, max_error=max_error))
    assert int(np.abs(decoded.astype(np.int64) - array.astype(np.int64)).max()) <= max_error


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_no_bytes_do_harm(data: bytes) -> None:
    for tried in (data, EXAMPLE[:9] + data, data + EXAMPLE[-44:]):
        try:
            medarchive.decode(tried)
        except CodecError:
            continue


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(1, 255))
@settings(deadline=None)
def test_no_changed_byte_passes(position: int, change: int) -> None:
    changed = bytearray(EXAMPLE)
    changed[position] ^= change
    with pytest.raises((CorruptStream, LimitExceeded)):
        medarchive.decode(bytes(changed))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_an_index_made_up_by_an_enemy_does_no_harm(data: st.DataObject) -> None:
    """Its hash is right, so that every field is read."""
    length = struct.unpack_from("<I", EXAMPLE, len(EXAMPLE) - 44)[0]
    index = bytearray(EXAMPLE[-44 - length : -44])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(index) - 1))
        index[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=4))
    footer = struct.pack("<I", len(index)) + hashlib.sha256(index).digest() + EXAMPLE[-8:]
    container = EXAMPLE[: -44 - length] + bytes(index) + footer
    for read in (medarchive.inspect, medarchive.decode):
        try:
            read(container)
        except CodecError:
            continue
