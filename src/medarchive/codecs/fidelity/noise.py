"""Noise: where an image has signal, how strong its noise is there, and how it is spread over frequencies.

Padding around a reconstruction circle, saturated air and drawn frames say nothing about noise. A tile of 8 x 8 pixels
*counts* where its values differ, and its mean is neither at the ends of the image's own window nor below the level
that a profile calls air.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.fidelity.windows import Window

__all__ = ["BINS", "TILE", "Terrain", "spectra", "survey", "tiles"]

TILE = 8
BINS = 8
"""Bins of a radial noise power spectrum, from 0 to 0.5 cycles per pixel."""
_MARGIN = 0.02
_QUIET = 0.2
_MOST_PATCHES = 256

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


def spectra(values: Field, terrain: Terrain) -> NDArray[np.float64]:
    """The radial noise power spectra of the most even patches, in unit^2, shape (patches, BINS).

    Each patch is freed from its plane and weighted with a Hann window (compare ICRU Report 87, 2012, and AAPM TG-233,
    2019, who subtract a low-order fit from regions of interest in even parts).
    """
    side = terrain.side
    if not terrain.patches:
        return np.zeros((0, BINS))
    stack = np.stack([values[row : row + side, column : column + side] for row, column in terrain.patches])
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / side
    norm = float((axis**2).sum() * side)
    flat = stack - stack.mean(axis=(1, 2), keepdims=True)
    for weight in (axis[:, None], axis[None, :]):
        flat -= ((flat * weight).sum(axis=(1, 2)) / norm)[:, None, None] * weight
    hann = np.hanning(side + 2)[1:-1].astype(np.float32)
    window = hann[:, None] * hann[None, :]
    power = np.abs(np.fft.fft2(flat * window)) ** 2 / float((window**2).sum())
    cycles = np.fft.fftfreq(side)
    ring = (np.hypot(cycles[:, None], cycles[None, :]) * 2 * BINS).astype(int).ravel()
    onto = (ring[:, None] == np.arange(BINS)).astype(np.float64)
    return np.asarray(power.reshape(len(power), -1) @ (onto / np.maximum(onto.sum(axis=0), 1)))


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
    """The corners of the most even quarter of the patches whose tiles all count, and the side of a patch.

    Patches of 16 x 16 pixels, half of one beside the other; of 8 x 8 where there are fewer than four.
    """
    for wide in (2, 1):
        if min(counts.shape) < wide:
            continue
        views = np.lib.stride_tricks.sliding_window_view
        whole = views(counts, (wide, wide)).all(axis=(2, 3))
        places = np.argwhere(whole)
        if len(places) >= (4 if wide > 1 else 1):
            roughest = views(rough, (wide, wide)).max(axis=(2, 3))[whole]
            order = np.argsort(roughest, kind="stable")[: min(max(len(places) // 4, 4), _MOST_PATCHES)]
            return tuple((int(row) * TILE, int(column) * TILE) for row, column in places[order]), wide * TILE
    return (), 0
