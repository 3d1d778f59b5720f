"""Deflated data sets (PS3.5 A.5): inflated to a limit, for a few bytes may announce a great many."""

import io
import zlib
from typing import BinaryIO

from medarchive.errors import NotDicom

__all__ = ["inflated"]

_CHUNK = 1 << 18


def inflated(stream: BinaryIO, offset: int, most: int) -> tuple[io.BytesIO, bool]:
    """Inflate what begins at an offset, to at most so many bytes; whether that was all.

    A stream that breaks off counts as all: what is there is given.

    Raises:
        NotDicom: it is no deflated data.
    """
    stream.seek(offset)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    data = io.BytesIO()
    try:
        while data.tell() < most and (chunk := inflate.unconsumed_tail or stream.read(_CHUNK)):
            data.write(inflate.decompress(chunk, most - data.tell()))
            if inflate.eof:
                break
    except zlib.error as error:
        raise NotDicom(f"the deflated data set cannot be inflated: {error}") from error
    return data, inflate.eof or data.tell() < most
