"""Limits: how large a thing a decoder is willing to make. Checked before memory is taken."""

from medarchive.errors import LimitExceeded

__all__ = [
    "MAX_DECODED_BYTES",
    "MAX_ENTRIES",
    "MAX_FRAMES",
    "MAX_INDEX_BYTES",
    "MAX_SAMPLES",
    "MAX_SIDE",
    "checked_shape",
]

MAX_SIDE = 1 << 18
"""Rows or columns. DICOM's own limit is 65,535 (PS3.3 C.7.6.3); native 4:2:2 frames are laid out twice as wide."""
MAX_SAMPLES = 1 << 28
"""Values of one frame: rows x columns x samples."""
MAX_FRAMES = 1 << 21
"""Frames of one entry of a container: so many that its index always fits."""
MAX_ENTRIES = 1 << 16
"""Entries of a container."""
MAX_INDEX_BYTES = 64 << 20
"""A container's index. Read, it takes up to eight times its size in memory."""
MAX_DECODED_BYTES = 4 << 30
"""What ``medarchive.decode`` makes at once, unless it is told to make more."""


def checked_shape(frames: int, rows: int, columns: int, samples: int) -> tuple[int, int, int, int]:
    """The shape, if a decoder may make such an image.

    Raises:
        LimitExceeded: an axis is empty or beyond the limits.
    """
    inside = 1 <= frames <= MAX_FRAMES and 1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE and samples >= 1
    if not inside or rows * columns * samples > MAX_SAMPLES:
        raise LimitExceeded(f"{frames} frames of {rows} x {columns} x {samples} are beyond what is decoded")
    return frames, rows, columns, samples
