"""No image that does not come back, no bytes that do harm."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import medarchive
from medarchive.errors import CodecError

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
    try:
        medarchive.decode(bytes(changed))
    except CodecError:
        return
    raise AssertionError(f"byte {position} was changed and nobody noticed")
