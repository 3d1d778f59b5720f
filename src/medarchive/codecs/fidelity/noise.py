"""Noise: where an image has signal, how strong its noise is there, and how it is spread over frequencies.

Padding around a reconstruction circle, saturated air and drawn frames say nothing about noise. A tile of 8 x 8 pixels
*counts* where its values differ, and its mean is neither at the ends of the image's own window nor below the level
that a profile calls air.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.fidelity.windows import Window

__all__ = ["BINS", "TILE", "Terrain", "spectrum", "survey", "tiles"]

TILE = 8
BINS = 16
"""Bins of a radial noise power spectrum, from 0 to 0.5 cycles per pixel."""
_MARGIN = 0.02
_QUIET = 0.2
_PATCH, _MOST_PATCHES = 32, 64

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """What an original looks like where it counts.

    Attributes:
        counts: shape (rows // 8, columns // 8): the tiles that count.
        noise: standard deviation of the noise, in the unit of the values: of the tiles that count, each freed from
            its plane, the 20th percentile. The least where tissue is even, more where there are edges and vessels.
        patches: (row, column) of the corners of the most even patches, for spectra.
        side: of a patch, in pixels; 0 where there is none.
    """

    counts: Mask
    noise: float
    patches: tuple[tuple[int, int], ...]
    side: int

    def pixels(self, shape: tuple[int, int]) -> Mask:
        """The tiles that count as a mask of pixels; rows and columns beyond the last tile do not count."""
        mask = np.zeros(shape, bool)
        rows, columns = self.counts.shape
        mask[: rows * TILE, : columns * TILE] = self.counts.repeat(TILE, 0).repeat(TILE, 1)
        return mask


def tiles(values: Field, side: int = TILE) -> Field:
    """Shape (tile rows, tile columns, side, side): an image in tiles; what does not fill one is left out."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    cut = values[: rows * side, : columns * side]
    return cut.reshape(rows, side, columns, side).swapaxes(1, 2)


def survey(values: Field, own: Window, air: float | None) -> Terrain:
    """Look at an original.

    Args:
        values: shape (rows, columns).
        own: the image's own window.
        air: tiles with a mean below it do not count, in the unit of the values.
    """
    cut = np.ascontiguousarray(tiles(values))
    if not cut.size:
        return Terrain(np.zeros(cut.shape[:2], bool), 0.0, (), 0)
    mean = cut.mean(axis=(2, 3))
    margin = _MARGIN * own.width
    counts = (mean > own.low + margin) & (mean < own.high - margin)
    counts &= cut.max(axis=(2, 3)) > cut.min(axis=(2, 3))
    if air is not None:
        counts &= mean > air
    rough = _roughness(cut, mean)
    noise = float(np.percentile(rough[counts], 100 * _QUIET)) if counts.any() else 0.0
    patches, side = _even_patches(rough, counts)
    return Terrain(counts, noise, patches, side)


def spectrum(values: Field, terrain: Terrain) -> NDArray[np.float64] | None:
    """The radial noise power spectrum over the most even patches, (unit^2) per bin; None where there are none.

    Each patch is freed from its plane and weighted with a Hann window (compare ICRU Report 87, 2012, and AAPM TG-233,
    2019, who subtract a low-order fit from regions of interest in even parts).
    """
    if not terrain.patches:
        return None
    side = terrain.side
    stack = np.stack([values[row : row + side, column : column + side] for row, column in terrain.patches])
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / side
    norm = float((axis**2).sum() * side)
    flat = stack - stack.mean(axis=(1, 2), keepdims=True)
    flat -= ((flat * axis[:, None]).sum(axis=(1, 2)) / norm)[:, None, None] * axis[:, None]
    flat -= ((flat * axis[None, :]).sum(axis=(1, 2)) / norm)[:, None, None] * axis[None, :]
    hann = np.hanning(side + 2)[1:-1].astype(np.float32)
    window = hann[:, None] * hann[None, :]
    power = (np.abs(np.fft.rfft2(flat * window)) ** 2).mean(axis=0) / float((window**2).sum())
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    bins = np.minimum((radius * 2 * BINS).astype(int), BINS)
    twice = np.broadcast_to(np.where((np.arange(power.shape[1]) % (side / 2)) == 0, 1.0, 2.0), power.shape)
    total = np.bincount(bins.ravel(), (power * twice).ravel(), BINS + 1)
    return total[:BINS] / np.maximum(np.bincount(bins.ravel(), twice.ravel(), BINS + 1)[:BINS], 1)


def _roughness(cut: Field, mean: Field) -> Field:
    """The standard deviation of every tile around its plane."""
    axis = np.arange(TILE, dtype=np.float32) - (TILE - 1) / 2
    norm = float((axis**2).sum() * TILE)
    down, across = cut.sum(axis=3) @ axis, cut.sum(axis=2) @ axis
    around = cut - mean[..., None, None]
    squares = np.einsum("ijkl,ijkl->ij", around, around)
    left = np.maximum(squares - (down**2 + across**2) / norm, 0) / (TILE * TILE - 3)
    rough: Field = np.sqrt(left)
    return rough


def _even_patches(rough: Field, counts: Mask) -> tuple[tuple[tuple[int, int], ...], int]:
    """The corners of the patches with the least roughness of those whose tiles all count, and their side."""
    for side in (_PATCH, _PATCH // 2, TILE):
        wide = side // TILE
        views = np.lib.stride_tricks.sliding_window_view
        if min(counts.shape) < wide:
            continue
        whole = views(counts, (wide, wide))[:: max(wide // 2, 1), :: max(wide // 2, 1)].all(axis=(2, 3))
        roughest = views(rough, (wide, wide))[:: max(wide // 2, 1), :: max(wide // 2, 1)].max(axis=(2, 3))
        places = np.argwhere(whole)
        if len(places) >= (4 if side > TILE else 1):
            order = np.argsort(roughest[whole], kind="stable")[: min(max(len(places) // 4, 4), _MOST_PATCHES)]
            step = TILE * max(wide // 2, 1)
            return tuple((int(row) * step, int(column) * step) for row, column in places[order]), side
    return (), 0
