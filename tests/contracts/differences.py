"""A codec for tests that codes slices together: each as its difference from the one before."""

import numpy as np
import pytest

from medarchive.codecs import registry
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.zstd import ZstdPlanes
from medarchive.image import Image

NAME = "test-differences"
PLACE = ("contracts.differences:Differences", "differences from slice to slice, for tests")


def register(monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """Make the codec known, for one test or for the whole process."""
    if monkeypatch:
        monkeypatch.setitem(registry._CODECS, NAME, PLACE)
    else:
        registry._CODECS[NAME] = PLACE


class Differences:
    """Zstandard over the differences of consecutive frames, modulo 2^n."""

    name = NAME
    group = 16
    quick = True

    def accepts(self, image: Image) -> bool:
        return image.bits == 8 * image.pixels.dtype.itemsize or not image.signed

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        words = image.pixels.view(f"u{image.pixels.dtype.itemsize}")
        differences = words.copy()
        differences[1:] -= words[:-1]
        return ZstdPlanes().encode(Image(differences, 8 * words.dtype.itemsize), effort=effort) + bytes(
            [image.bits, image.signed]
        )

    def decode(self, data: bytes) -> Image:
        differences = ZstdPlanes().decode(data[:-2]).pixels
        words = np.cumsum(differences, axis=0, dtype=differences.dtype)
        return Image(words.view(f"i{words.dtype.itemsize}") if data[-1] else words, data[-2])
