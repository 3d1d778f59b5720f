import numpy as np
import pytest

from medarchive.codecs.quantise import dequantised, quantised, quantised_spec
from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CorruptStream
from medarchive.image import Image


@pytest.mark.parametrize("dtype", ["u1", "i1"])
@pytest.mark.parametrize("bits", range(1, 9))
def test_every_value_of_every_width_stays_within_every_bound(dtype: str, bits: int) -> None:
    low = -(1 << bits - 1) if dtype == "i1" else 0
    values = np.arange(low, low + (1 << bits)).astype(dtype).reshape(1, 1, -1, 1)
    original = Image(values, bits)
    spec = ImageSpec.of(original, 1)
    for max_error in (0, 1, 2, 3, 7, 63, 64, 127, 128, 200):
        steps = quantised(original, max_error)
        decoded = dequantised(steps, spec, max_error)
        decoded.check_range()
        steps.check_range()
        assert quantised_spec(spec, max_error).fits(steps, 1)
        assert np.abs(decoded.pixels.astype(int) - values.astype(int)).max() <= max_error
        again = dequantised(quantised(decoded, max_error), spec, max_error)
        assert np.array_equal(again.pixels, decoded.pixels), "within its bound it is coded again exactly"
        assert len(np.unique(steps.pixels)) <= (1 << bits) // (2 * max_error + 1) + 2


def test_the_ends_of_32_bits_do_not_wrap() -> None:
    for dtype, ends in (("u4", (0, 2**32 - 1)), ("i4", (-(2**31), 2**31 - 1))):
        original = Image(np.array(ends, np.int64).astype(dtype).reshape(1, 1, 2, 1), 32)
        decoded = dequantised(quantised(original, 9), ImageSpec.of(original, 1), 9)
        assert np.abs(decoded.pixels.astype(np.int64) - original.pixels.astype(np.int64)).max() <= 9


def test_a_step_beyond_the_range_is_refused() -> None:
    spec = ImageSpec(1, 1, 1, 1, 8, np.dtype(np.uint8))
    with pytest.raises(CorruptStream, match="beyond"):
        dequantised(Image(np.full((1, 1, 1, 1), 127, np.uint8), 7), spec, 1)
