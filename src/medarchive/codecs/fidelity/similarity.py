"""Similarity: SSIM and multi-scale SSIM of two pictures.

SSIM compares mean, variance and covariance of the two pictures under a Gaussian window (Wang, Bovik, Sheikh and
Simoncelli, IEEE Transactions on Image Processing 13(4), 2004, equation 13: K1 = 0.01, K2 = 0.03, 11 x 11 taps, sigma
1.5), wherever the window lies inside the picture. MS-SSIM multiplies contrast and structure over scales, each half as
wide as the one before, and takes the luminance of the last (Wang, Simoncelli and Bovik, Asilomar 2003, equation 7).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medarchive.errors import UnsupportedImage

__all__ = ["TAPS", "WEIGHTS", "ms_ssim", "similarity", "ssim"]

TAPS = 11
"""Width of the Gaussian window."""
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales of MS-SSIM, finest first."""
_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03
_STRIP = 16

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


def ssim(a: ArrayLike, b: ArrayLike, *, peak: float) -> float:
    """The structural similarity of two pictures: 1 where they are equal, at least -1.

    Args:
        a: shape (rows, columns), finite numbers.
        b: the same shape.
        peak: the range that values can take, such as 255, or the width of a window.

    Raises:
        UnsupportedImage: other shapes, numbers that are not finite, or a peak that is not above 0.
    """
    first, second = _checked(a, b, peak)
    return _terms(first, second, peak, None)[0]


def ms_ssim(a: ArrayLike, b: ArrayLike, *, peak: float) -> float:
    """The multi-scale structural similarity of two pictures: 1 where they are equal, at least 0.

    A picture that is less than 11 pixels high or wide at the fifth scale (176 at the first) is compared on as many
    scales as fit, at least one; their exponents are stretched to the sum of 1. A mean below 0 counts as 0.

    Args:
        a: shape (rows, columns), finite numbers.
        b: the same shape.
        peak: the range that values can take.

    Raises:
        UnsupportedImage: other shapes, numbers that are not finite, or a peak that is not above 0.
    """
    return similarity(a, b, peak=peak)[1]


def similarity(a: ArrayLike, b: ArrayLike, *, peak: float, where: Mask | None = None) -> tuple[float, float]:
    """SSIM and MS-SSIM at the price of the second; see ``ssim`` and ``ms_ssim``.

    Args:
        a: shape (rows, columns), finite numbers.
        b: the same shape.
        peak: the range that values can take.
        where: the places that count, by the middle of the window; None counts all. A coarser scale counts a place
            where it covers one that counts. Where none counts at a scale, that scale is 1.

    Raises:
        UnsupportedImage: other shapes, numbers that are not finite, or a peak that is not above 0.
    """
    first, second = _checked(a, b, peak)
    if where is not None and where.shape != first.shape:
        raise UnsupportedImage(f"the places that count have shape {where.shape}, the pictures {first.shape}")
    scales = min(max(_scales(min(first.shape)), 1), len(WEIGHTS))
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    single, product = 1.0, 1.0
    for scale, weight in enumerate(weights):
        full, contrast = _terms(first, second, peak, where)
        if scale == 0:
            single = full
        product *= max(full if scale == scales - 1 else contrast, 0.0) ** float(weight)
        if scale < scales - 1:
            first, second = _halved(first), _halved(second)
            where = None if where is None else _halved(where.astype(np.float32)) > 0
    return single, product


def _scales(side: int) -> int:
    """How many scales have room for the window."""
    return (side // TAPS).bit_length()


def _checked(a: ArrayLike, b: ArrayLike, peak: float) -> tuple[Field, Field]:
    """Both pictures around the mean of the first, where single precision has the digits that variances need."""
    first, second = np.asarray(a), np.asarray(b)
    if first.ndim != 2 or first.shape != second.shape or 0 in first.shape:
        raise UnsupportedImage(
            f"two pictures of one shape (rows, columns) are compared, not {first.shape}, {second.shape}"
        )
    if not (peak > 0 and np.isfinite(peak)):
        raise UnsupportedImage(f"the range of values is a number above 0, not {peak}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UnsupportedImage("pictures that are compared hold finite numbers; these do not")
    return first.astype(np.float32), second.astype(np.float32)


def _terms(a: Field, b: Field, peak: float, where: Mask | None) -> tuple[float, float]:
    """The means of SSIM, and of its contrast and structure alone, over the places of the window that count.

    Strip by strip: what is worked on stays in the processor's cache.
    """
    reach = [(min(TAPS, side) - 1) // 2 for side in a.shape]
    rows, columns = (side - 2 * edge for side, edge in zip(a.shape, reach, strict=True))
    centre = np.float32(a.mean(dtype=np.float64))
    totals, places = np.zeros(2), 0
    for top in range(0, rows, _STRIP):
        high = min(_STRIP, rows - top)
        part = slice(top, top + high + 2 * reach[0])
        counts = np.ones((high, columns), bool)
        if where is not None:
            counts = where[top + reach[0] : top + reach[0] + high, reach[1] : reach[1] + columns]
        found = int(np.count_nonzero(counts))
        if found:
            maps = _maps(a[part], b[part], centre, peak)
            totals += [float((one * counts).sum(dtype=np.float64)) for one in maps]
            places += found
    if not places:
        return 1.0, 1.0
    return float(totals[0] / places), float(totals[1] / places)


def _maps(a: Field, b: Field, centre: np.float32, peak: float) -> tuple[Field, Field]:
    """SSIM, and its contrast and structure alone, at each place of the window."""
    c1, c2 = np.float32((_K1 * peak) ** 2), np.float32((_K2 * peak) ** 2)
    x, y = a - centre, b - centre
    mean_x, mean_y, squares, product = _blurred(np.stack((x, y, x * x + y * y, x * y)))
    both = mean_x * mean_x + mean_y * mean_y
    cross = mean_x * mean_y
    contrast = (2 * (product - cross) + c2) / (np.maximum(squares - both, 0) + c2)
    mean_x += centre
    mean_y += centre
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return contrast * luminance, contrast


def _blurred(fields: Field) -> Field:
    """Each of the fields (n, rows, columns) under the window, where that lies inside."""
    return _along(_along(fields, 1), 2)


def _along(fields: Field, axis: int) -> Field:
    """One direction of the window; it is narrowed to an odd number of taps where the picture is smaller."""
    size = fields.shape[axis]
    reach = (min(TAPS, size) - 1) // 2
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SIGMA) ** 2)
    taps /= taps.sum()
    kept = size - 2 * reach

    def shifted(by: int) -> Field:
        return fields[:, by : by + kept] if axis == 1 else fields[:, :, by : by + kept]

    out = shifted(reach) * np.float32(taps[reach])
    pair = np.empty_like(out)
    for tap in range(reach):
        np.add(shifted(tap), shifted(2 * reach - tap), out=pair)
        pair *= np.float32(taps[tap])
        out += pair
    return out


def _halved(picture: Field) -> Field:
    """The means of 2 x 2 pixels; an odd last row or column is left out."""
    rows, columns = (side // 2 * 2 for side in picture.shape)
    even = picture[:rows, :columns]
    return np.float32(0.25) * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
