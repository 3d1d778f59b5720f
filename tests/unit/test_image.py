"""Image: what it refuses, what it gives."""

import numpy as np
import pytest

from medarchive.errors import UnsupportedImage
from medarchive.image import Image

ONE = (1, 2, 3, 1)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4"])
def test_integers_of_8_to_32_bits(dtype: str) -> None:
    width = 8 * np.dtype(dtype).itemsize
    image = Image(np.zeros((2, 3, 4, 3), dtype), width)
    assert (len(image), image.signed) == (2, dtype[0] == "i")
    with pytest.raises(UnsupportedImage, match="do not fit"):
        Image(np.zeros(ONE, dtype), width + 1)
    with pytest.raises(UnsupportedImage, match="do not fit"):
        Image(np.zeros(ONE, dtype), 0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 2, 3), (1, 2, 3, 4, 5), (0, 2, 3, 1), (1, 2, 0, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedImage, match="frames, rows, columns, samples"):
        Image(np.zeros(shape, np.uint8), 8)


@pytest.mark.parametrize("dtype", ["f4", "u8", "i8", "?", ">u2", "c8"])
def test_other_types_are_refused(dtype: str) -> None:
    with pytest.raises(UnsupportedImage, match="native integers"):
        Image(np.zeros(ONE, dtype), 1)


def test_a_slice_is_an_image_without_a_copy() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 2, 2, 1)
    middle = Image(pixels, 12)[1:2]
    assert (len(middle), middle.bits) == (1, 12)
    assert np.shares_memory(middle.pixels, pixels)
    with pytest.raises(UnsupportedImage):
        Image(pixels, 12)[3:]


def test_equality_looks_at_everything() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(ONE)
    image = Image(pixels, 8)
    assert image == Image(pixels.copy(), 8)
    assert image != Image(pixels, 7)
    assert image != Image(pixels.astype(np.uint16), 8)
    assert image != Image(pixels + np.uint8(1), 8)
    assert image != pixels.tolist()
    with pytest.raises(TypeError):
        hash(image)


@pytest.mark.parametrize(
    ("dtype", "bits", "fits", "beyond"),
    [("u1", 1, (0, 1), 2), ("u2", 12, (0, 4095), 4096), ("i2", 12, (-2048, 2047), 2048), ("i2", 12, (-2048, 0), -2049)],
)
def test_values_must_fit_the_bits(dtype: str, bits: int, fits: tuple[int, int], beyond: int) -> None:
    Image(np.array(fits, dtype).reshape(1, 1, 2, 1), bits).check_range()
    with pytest.raises(UnsupportedImage, match=f"do not fit {bits} bits"):
        Image(np.array([fits[0], beyond], dtype).reshape(1, 1, 2, 1), bits).check_range()
