"""Container: streams of one codec, and an index that proves every byte of them. Mirrors docs/format.md, "Container".

The index comes last, so that objects of any size are written as they are encoded, and read in parts.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self

import numpy as np

from medarchive.codecs import registry
from medarchive.codecs.base import Codec
from medarchive.codecs.limits import MAX_ENTRIES, MAX_INDEX_BYTES
from medarchive.codecs.quantise import MAX_ERROR, dequantised, quantised_spec
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream, LimitExceeded, UnknownCodec, UnsupportedImage
from medarchive.image import Image

__all__ = ["Container", "Entry", "Stream", "Writer", "frame_digests"]

MAGIC = b"\x89MEDA\r\n\x1a"
VERSION = 1
_START = MAGIC + bytes([VERSION])
_FOOTER = struct.Struct("<I32s8s")
_END = MAGIC[::-1]
_DIGEST = 16
_MOST_NAME, _MOST_REPORT = 64, 1 << 20


@dataclass(frozen=True, slots=True)
class Stream:
    """One call of a codec: consecutive frames of an entry.

    Attributes:
        offset: in the container, in bytes.
        length: in bytes.
        crc: CRC-32 of its bytes, compared before they are decoded.
    """

    offset: int
    length: int
    crc: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a container.

    Attributes:
        spec: what it decodes to.
        report: the fidelity report, JSON; empty means: exact.
        streams: in the order of their frames.
        digests: for each frame in turn, the first 16 bytes of the SHA-256 of its decoded pixels.
    """

    spec: ImageSpec
    report: bytes
    streams: tuple[Stream, ...]
    digests: bytes


def frame_digests(image: Image) -> bytes:
    """What the index says of decoded frames: for each the hash of its pixels, little endian, row by row."""
    little = np.ascontiguousarray(image.pixels, image.pixels.dtype.newbyteorder("<"))
    return b"".join(hashlib.sha256(frame.data).digest()[:_DIGEST] for frame in little)


class Writer:
    """Writes a container: for each entry its streams, then ``end_entry``; at the end ``close``."""

    def __init__(self, out: BinaryIO, codec: Codec, *, max_error: int = 0, configuration: bytes = b"") -> None:
        self._out = out
        self._position = len(_START)
        self._head = b"".join(
            (blob(codec.name.encode("ascii")), blob(configuration), varint(codec.group), varint(max_error))
        )
        self._entries: list[bytes] = []
        self._streams: list[bytes] = []
        self._digests: list[bytes] = []
        out.write(_START)

    def add(self, stream: bytes, digests: bytes) -> None:
        """Append a stream; ``digests`` are the ``frame_digests`` of what it decodes to, after dequantisation."""
        self._out.write(stream)
        self._position += len(stream)
        self._streams.append(varint(len(stream)) + struct.pack("<I", zlib.crc32(stream)))
        self._digests.append(digests)

    def end_entry(self, spec: ImageSpec, report: bytes = b"") -> None:
        """The streams added since the last entry are one image of this spec."""
        self._entries.append(b"".join((spec.packed(), blob(report), *self._streams, *self._digests)))
        self._streams, self._digests = [], []

    def close(self) -> int:
        """Write the index; returns the container's size in bytes.

        Raises:
            UnsupportedImage: there are more entries or frames than a reader allows.
        """
        index = self._head + varint(len(self._entries)) + b"".join(self._entries)
        if len(index) > MAX_INDEX_BYTES or len(self._entries) > MAX_ENTRIES:
            raise UnsupportedImage(
                f"{len(self._entries)} images with an index of {len(index)} bytes; use several files"
            )
        self._out.write(index)
        self._out.write(_FOOTER.pack(len(index), hashlib.sha256(index).digest(), _END))
        return self._position + len(index) + _FOOTER.size


class Container:
    """A container that is read, in parts, from wherever it lies."""

    def __init__(self, read_at: Callable[[int, int], bytes], codec: str, configuration: bytes, group: int) -> None:
        """Use ``open``."""
        self._read_at = read_at
        self.codec = codec
        self.configuration = configuration
        self.group = group
        self.max_error = 0
        self.entries: tuple[Entry, ...] = ()
        self._decoder: Codec | None = None

    @classmethod
    def open(cls, read_at: Callable[[int, int], bytes], size: int) -> Self:
        """Read and prove the index.

        Args:
            read_at: gives up to ``length`` bytes from ``offset``.
            size: of the container, in bytes.

        Raises:
            CorruptStream: it is no container, of another version, or was changed.
            LimitExceeded: it asks for images beyond the decoder's limits.
        """
        start = read_at(0, len(_START))
        if start[: len(MAGIC)] != MAGIC or size < len(_START) + _FOOTER.size:
            raise CorruptStream("this is no medarchive container")
        if start != _START:
            raise CorruptStream(f"container version {start[-1]}; this medarchive reads version {VERSION}")
        footer = read_at(size - _FOOTER.size, _FOOTER.size)
        if len(footer) != _FOOTER.size:
            raise CorruptStream("the container is cut off")
        length, digest, end = _FOOTER.unpack(footer)
        if end != _END or length > size - len(_START) - _FOOTER.size:
            raise CorruptStream("the container is cut off or was changed: its last bytes are no footer")
        if length > MAX_INDEX_BYTES:
            raise LimitExceeded(f"an index of {length} bytes, more than {MAX_INDEX_BYTES}")
        index_offset = size - _FOOTER.size - length
        index = read_at(index_offset, length)
        if hashlib.sha256(index).digest() != digest:
            raise CorruptStream("the container's index was changed: its hash is another")
        return cls._indexed(read_at, Reader(index), index_offset)

    @classmethod
    def of(cls, data: bytes | memoryview) -> Self:
        """A container that is in memory, see ``open``."""
        view = memoryview(data)
        return cls.open(lambda offset, length: bytes(view[offset : offset + length]), len(view))

    @classmethod
    def _indexed(cls, read_at: Callable[[int, int], bytes], reader: Reader, index_offset: int) -> Self:
        name = reader.blob(_MOST_NAME)
        if not name.isascii():
            raise CorruptStream("the codec's name is no ASCII text")
        container = cls(read_at, name.decode("ascii"), reader.blob(_MOST_REPORT), reader.varint(1 << 16))
        container.max_error = reader.varint(MAX_ERROR)
        if container.group < 1:
            raise CorruptStream("a codec that takes no frames")
        position, entries = len(_START), []
        for _ in range(reader.varint(MAX_ENTRIES)):
            entry, position = _entry(reader, container.group, position)
            entries.append(entry)
        if reader.left or position != index_offset:
            raise CorruptStream("the container's streams and its index do not meet")
        container.entries = tuple(entries)
        return container

    def frames(self, entry: int, start: int, stop: int) -> Image:
        """Decode some frames of an entry, and only the streams that hold them.

        Raises:
            CorruptStream: a stream was changed, or decodes to other pixels than were encoded.
            UnknownCodec: no such codec here.
            IndexError: no such entry or frames.
        """
        return self._some(entry, start, stop, preview=False)

    def preview(self, entry: int, start: int, stop: int) -> Image:
        """Something close to ``frames`` where the codec has that sooner; it is not compared with what was encoded.

        Raises:
            CorruptStream: a stream was changed.
            UnknownCodec: no such codec here.
            IndexError: no such entry or frames.
        """
        return self._some(entry, start, stop, preview=True)

    def _some(self, entry: int, start: int, stop: int, *, preview: bool) -> Image:
        spec = self.entries[entry].spec
        if not 0 <= start < stop <= spec.frames:
            raise IndexError(f"frames {start} to {stop} of {spec.frames}")
        first, last = start // self.group, (stop - 1) // self.group
        decoded = [self._stream(entry, number, preview=preview) for number in range(first, last + 1)]
        pixels = decoded[0].pixels if len(decoded) == 1 else np.concatenate([image.pixels for image in decoded])
        skip = start - first * self.group
        return Image(pixels[skip : skip + stop - start], spec.bits)

    def _stream(self, entry: int, number: int, *, preview: bool) -> Image:
        """Decode and prove one stream."""
        found = self.entries[entry]
        stream, spec = found.streams[number], found.spec
        data = self._read_at(stream.offset, stream.length)
        if len(data) != stream.length or zlib.crc32(data) != stream.crc:
            raise CorruptStream(f"stream {number} of entry {entry} was changed: its CRC is another")
        if self._decoder is None:
            try:
                self._decoder = registry.get(self.codec)
            except UnknownCodec as error:
                raise UnknownCodec(f"the container was written with a codec that is not here: {error}") from error
        first = number * self.group
        count = min(self.group, spec.frames - first)
        sooner = getattr(self._decoder, "preview", None) if preview else None
        steps = sooner(data) if sooner else self._decoder.decode(data)
        if not quantised_spec(spec, self.max_error).fits(steps, count):
            raise CorruptStream(f"stream {number} of entry {entry} decodes to another shape than the index says")
        image = dequantised(steps, spec, self.max_error)
        if sooner:
            return image
        expected = found.digests[first * _DIGEST : (first + count) * _DIGEST]
        if frame_digests(image) != expected:
            raise CorruptStream(f"stream {number} of entry {entry} decodes to other pixels than were encoded")
        return image


def _entry(reader: Reader, group: int, position: int) -> tuple[Entry, int]:
    spec = ImageSpec.read(reader)
    report = reader.blob(_MOST_REPORT)
    count = -(-spec.frames // group)
    if count * 5 + spec.frames * _DIGEST > reader.left:
        raise CorruptStream("an entry with more frames than its index has room for")
    streams = []
    for _ in range(count):
        length = reader.varint(1 << 40)
        (crc,) = struct.unpack("<I", reader.take(4))
        streams.append(Stream(position, length, crc))
        position += length
    return Entry(spec, report, tuple(streams), reader.take(spec.frames * _DIGEST)), position
