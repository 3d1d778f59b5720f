"""Zips: what lies in a ZIP archive, taken out one by one, within limits that hold whatever its headers claim."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from medarchive.errors import CorruptStream, LimitExceeded, MedarchiveError

__all__ = ["Entry", "Limits", "entries"]

_RECORD, _END, _LOCATOR, _END64 = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_MOST_COMMENT = 0xFFFF
_CHUNK = 1 << 18
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TOO_MUCH = "the ZIP archive holds far more than an archive of its size should; the rest is left out"
_NOT_WORTH_A_WORD = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ZIP archive may hold.

    Attributes:
        entries: files in it.
        directory: bytes of its list of files.
        each: bytes of one file.
        total: bytes of all files together.
        ratio: bytes of a file, and of all together, for each byte of it in the archive.
        free: bytes of a file for which the ratio does not count: an empty mask packs a thousand times.
    """

    entries: int = 20_000
    directory: int = 16 << 20
    each: int = 4 << 30
    total: int = 16 << 30
    ratio: int = 200
    free: int = 64 << 20


class Entry:
    """A file in a ZIP archive, or why it cannot be had."""

    def __init__(self, name: str, chunks: Iterator[bytes]) -> None:
        self.name = name
        self._chunks = chunks

    def write_to(self, file: BinaryIO) -> None:
        """Take it out.

        Raises:
            CorruptStream: it is damaged, encrypted, or compressed in an unusual way.
            LimitExceeded: see ``Limits``.
        """
        for chunk in self._chunks:  # noqa: FURB122  # a spooled file would take all lines in before it looks at its size
            file.write(chunk)


def entries(archive: BinaryIO, limits: Limits) -> Iterator[Entry]:
    """The files in a ZIP archive. Folders are gone through; the names of folders count for nothing.

    Raises:
        CorruptStream: it is no ZIP archive, or its list of files cannot be read.
        LimitExceeded: more than ``limits.total`` came out of it; or its list of files is too long.
    """
    size = _check_directory(archive, limits)
    left = [min(limits.total, max(16 * limits.free, limits.ratio * size))]
    try:
        opened = zipfile.ZipFile(archive)  # entries may be taken out when all are listed
        for one in opened.infolist():
            if not (one.is_dir() or _is_chaff(one.filename)):
                yield Entry(PurePosixPath(one.filename.replace("\\", "/")).name, _chunks(opened, one, limits, left))
            if left[0] < 0:
                raise LimitExceeded(_TOO_MUCH)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise CorruptStream(f"the ZIP archive cannot be read: {error}") from error


def _is_chaff(name: str) -> bool:
    """What file managers leave behind."""
    return any(part in name for part in _NOT_WORTH_A_WORD)


def _chunks(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits, left: list[int]) -> Iterator[bytes]:
    if entry.flag_bits & 0x1:
        raise CorruptStream("encrypted in its ZIP archive: unpack it first")
    if entry.compress_type not in _METHODS:
        raise CorruptStream("compressed in its ZIP archive in another way than by deflate: unpack it first")
    size = 0
    try:
        if left[0] < 0:
            raise LimitExceeded(_TOO_MUCH)
        with opened.open(entry) as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                left[0] -= len(chunk)
                if left[0] < 0:
                    raise LimitExceeded(_TOO_MUCH)
                if size > limits.each:
                    raise LimitExceeded(f"more than {limits.each} bytes once unpacked")
                if size > max(limits.free, limits.ratio * entry.compress_size):
                    raise LimitExceeded(f"more than {limits.ratio} times as large once unpacked: no image is")
                yield chunk
    except MedarchiveError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise CorruptStream(f"damaged in its ZIP archive: {error}") from error


def _check_directory(archive: BinaryIO, limits: Limits) -> int:
    """Look at how long the list of files is before zipfile reads it into memory (APPNOTE 4.3.12 to 4.3.16).

    Records are counted, whatever number is claimed. The end of a ZIP64 archive has to lie right before its locator:
    zipfile takes it from there, wherever the locator says that it is.

    Returns:
        Bytes of the ZIP archive.

    Raises:
        CorruptStream: there is none.
        LimitExceeded: it is too long.
    """
    size = archive.seek(0, io.SEEK_END)
    start = max(size - _MOST_COMMENT - 22 - 20, 0)
    archive.seek(start)
    tail = archive.read(size - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise CorruptStream("the ZIP archive has no end: it was cut off")
    (length,) = struct.unpack_from("<I", tail, at + 12)
    end = start + at
    if tail[max(at - 20, 0) : at].startswith(_LOCATOR):
        (offset,) = struct.unpack_from("<Q", tail, at - 12)
        end -= 20 + 56
        archive.seek(max(end, 0))
        record = archive.read(56)
        if offset != end or not record.startswith(_END64):
            raise CorruptStream("the ZIP archive's list of files cannot be found")
        (length,) = struct.unpack_from("<Q", record, 40)
    archive.seek(max(end - length, 0))
    if length > limits.directory or archive.read(length).count(_RECORD) > limits.entries:
        raise LimitExceeded(f"the ZIP archive lists more than {limits.entries} files; split it")
    archive.seek(0)
    return size
