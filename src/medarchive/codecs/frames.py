"""Frames: Zstandard frames (RFC 8878) of a size that is known beforehand: none takes more memory than it should."""

import zstandard

from medarchive.errors import CorruptStream

__all__ = ["packed", "unpacked"]


def unpacked(data: bytes, size: int, what: str) -> bytes:
    """The ``size`` bytes of a frame that says so, and behind which nothing comes.

    Raises:
        CorruptStream: it is none; ``what`` it should be is in the message.
    """
    try:
        if zstandard.frame_content_size(data) != size:
            raise CorruptStream(f"{what} of another size than it should have")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=max(1, size), allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptStream(f"{what}: {error}") from error


def packed(data: bytes) -> bytes:
    """The smallest frame of some bytes; it says their number."""
    return zstandard.ZstdCompressor(level=19).compress(data)
