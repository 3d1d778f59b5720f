"""RLE Lossless (PS3.5 Annex G), decoded by ourselves: native decoders were seen to crash on malformed segments."""

import struct

import numpy as np
from numpy.typing import NDArray

from medarchive.errors import CorruptStream

__all__ = ["decode_rle"]

_HEADER = struct.Struct("<16I")


def decode_rle(data: bytes, rows: int, columns: int, samples: int, width: int) -> NDArray[np.unsignedinteger]:
    """One frame, shape (rows, columns, samples), of unsigned words of ``width`` bytes.

    Raises:
        CorruptStream: there are other segments than the frame needs, or one ends too soon.
    """
    if len(data) < _HEADER.size:
        raise CorruptStream("an RLE frame without a header")
    count, *offsets = _HEADER.unpack_from(data)
    if count != samples * width or count > 15:
        raise CorruptStream(f"{count} RLE segments, {samples * width} expected")
    ends = [*offsets[1:count], len(data)]
    planes = np.empty((samples, width, rows * columns), np.uint8)
    for index, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        # The highest byte of a word comes first (G.2).
        planes[index // width, width - 1 - index % width] = np.frombuffer(
            _segment(data[start:end], rows * columns), np.uint8
        )
    words = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(f"<u{width}")
    return words.reshape(rows, columns, samples)


def _segment(data: bytes, length: int) -> bytes:
    """A segment's first bytes, as many as a plane has (G.3.2)."""
    out = bytearray()
    position, end = 0, len(data)
    while len(out) < length and position < end:
        control = data[position]
        if control < 128:
            out += data[position + 1 : position + 2 + control]
            position += 2 + control
        else:
            if control > 128:
                out += data[position + 1 : position + 2] * (257 - control)
            position += 2 if control > 128 else 1
    if len(out) < length:
        raise CorruptStream(f"an RLE segment of {len(out)} bytes, {length} expected")
    return bytes(out[:length])
