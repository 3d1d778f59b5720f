"""Planes: integers of a tile in the order of its wavefront, with everything around the tile that context can ask
for.

Pixel (x, y) of a tile is coded at step t = x + 3y; the pixels of one step do not see each other. A plane keeps it at
``[t + MARGIN, y + EDGE]``, so that a neighbour (x + dx, y - dy) of all pixels of a step lies at one and the same
distance: ``step`` elements further in the flattened plane. Outside of the tile:

- left of row y lies the first pixel of row y - 1; left of row 0 lie zeros;
- right of a row lies its last pixel;
- above row 0 lies, at each step, what row 0 has there; below the last row, what the last row has there.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["EDGE", "MARGIN", "SLOPE", "Geometry", "Ints"]

SLOPE = 3
MARGIN = 24
EDGE = 4

Ints = NDArray[np.int32]


class Geometry:
    """Where the pixels of a tile of rows x columns lie in its planes."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        self.steps = columns + SLOPE * (rows - 1)
        self.stride = rows + 2 * EDGE
        self.shape = (self.steps + 2 * MARGIN, self.stride)

    def new(self) -> Ints:
        """An empty plane."""
        return np.zeros(self.shape, np.int32)

    def at(self, step: int) -> Ints:
        """The places of a step's pixels in a flattened plane, in coding order: by row."""
        first = max(0, -(-(step - self.columns + 1) // SLOPE))
        last = min(self.rows - 1, step // SLOPE)
        rows = np.arange(first, last + 1, dtype=np.int32)
        return rows + np.int32((step + MARGIN) * self.stride + EDGE)

    def everywhere(self) -> Ints:
        """The places of all pixels in coding order."""
        return np.concatenate([self.at(step) for step in range(self.steps)])

    def offset(self, dx: int, dy: int) -> int:
        """From a pixel to its neighbour dx to the right and dy rows up, in a flattened plane."""
        return (dx - SLOPE * dy) * self.stride - dy

    def fill(self, plane: Ints, step: int) -> None:
        """Complete the surroundings, now that a step's pixels are there."""
        row = plane[step + MARGIN]
        y, x = divmod(step, SLOPE)
        if y < self.rows - 1 and x == 0:  # the first pixel of row y: it lies left of the next row
            plane[step + SLOPE : step + SLOPE + MARGIN, y + 1 + EDGE] = row[y + EDGE]
        y, x = divmod(step - self.columns + 1, SLOPE)
        if 0 <= y < self.rows and x == 0:  # the last pixel of row y
            plane[step + MARGIN + 1 : step + 2 * MARGIN + 1, y + EDGE] = row[y + EDGE]
        if step < self.columns:
            row[:EDGE] = row[EDGE]
        if step == self.columns - 1:
            plane[step + MARGIN : step + 2 * MARGIN + 1, :EDGE] = row[EDGE]

    def finish(self, plane: Ints) -> None:
        """Complete what lies below, when the whole tile is there."""
        plane[:, -EDGE:] = plane[:, -EDGE - 1 : -EDGE]

    def plane_of(self, tile: Ints) -> Ints:
        """A complete plane of a tile of shape (rows, columns)."""
        plane: Ints = np.append(tile, np.int32(0))[self._sources]
        return plane

    def tile_of(self, plane: Ints) -> Ints:
        """The tile in a plane."""
        tile: Ints = plane.reshape(-1)[self._targets]
        return tile

    @cached_property
    def _targets(self) -> Ints:
        """Where each pixel of a tile lies in a flattened plane."""
        y, x = np.mgrid[: self.rows, : self.columns].astype(np.int32)
        places: Ints = (x + SLOPE * y + MARGIN) * self.stride + y + EDGE
        return places

    @cached_property
    def _sources(self) -> Ints:
        """Which pixel of a tile each place of a plane has; behind the last pixel, where it has none."""
        count = self.rows * self.columns
        plane = np.full(self.shape, count, np.int32)
        plane.reshape(-1)[self._targets] = np.arange(count, dtype=np.int32).reshape(self.rows, self.columns)
        for step in range(self.steps):
            self.fill(plane, step)
        self.finish(plane)
        return plane
