"""Decoded: frames of containers. A stream that holds several stays for a while: its next frame will be asked for."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.archive.catalog import InstanceRecord
from medarchive.codecs.container import Container
from medarchive.errors import CorruptStream
from medarchive.image import Image

__all__ = ["Decoded"]

_MOST_BYTES = 128 << 20
_MOST_STREAMS = 64
_IN_MEMORY = 32 << 20
_Stream = tuple[BlobId, int, int]
"""A stream: container, entry, first frame."""


class Decoded:
    """Frames of instances that are in containers. Any thread may ask."""

    def __init__(self, blobs: BlobStore, most_bytes: int = _MOST_BYTES) -> None:
        self.blobs = blobs
        self._most = most_bytes
        self._guard = threading.Lock()
        self._streams: OrderedDict[_Stream, Image] = OrderedDict()
        self._bytes = 0
        self._turns: dict[_Stream, threading.Lock] = {}
        self._waiting: Counter[_Stream] = Counter()

    def frames(self, record: InstanceRecord) -> Iterator[Image]:
        """The frames of an instance in order, in images of no more than a stream holds.

        Every byte of the container is hashed before, unless a stream of it was decoded a moment ago.

        Raises:
            BlobMissing: the container is not in the store.
            BlobCorrupt: its bytes changed.
            CorruptStream: it does not hold what the catalogue says.
        """
        assert record.container is not None
        if record.shared:
            image = self._find(record.container, record.entry, record.first_frame, record.frames)
            if image is not None:
                yield image
                return
        container = _proven(self.blobs, record.container)
        first, last = _range(container, record)
        while first < last:
            step = min((first // container.group + 1) * container.group, last)
            yield self._once(container, record, first, step)
            first = step

    def prepare(self, record: InstanceRecord) -> None:
        """Decode what holds an instance, where it shares that with others: the next of them will be at hand.

        Raises:
            BlobMissing, BlobCorrupt, CorruptStream: see ``frames``.
        """
        for _ in self.frames(record):
            pass

    def one(self, record: InstanceRecord, index: int) -> Image:
        """A frame of an instance; of the container, its index and the stream that holds the frame are read and proven.

        Raises:
            BlobMissing: the container is not in the store.
            CorruptStream: what was read has changed, or does not hold what the catalogue says.
        """
        blob = record.container
        assert blob is not None
        image = self._find(blob, record.entry, record.first_frame + index, 1)
        if image is None:
            container = Container.open(
                lambda offset, length: self.blobs.read(blob, offset, length), self.blobs.size(blob)
            )
            first, last = _range(container, record)
            if index >= last - first:
                raise CorruptStream(f"the instance has {last - first} frames in its container, {index} is asked for")
            image = self._once(container, record, first + index, first + index + 1)
        return Image(image.pixels.copy(), image.bits)

    def _once(self, container: Container, record: InstanceRecord, start: int, stop: int) -> Image:
        """Some frames of one stream, as another thread has just decoded them, or decoded here."""
        assert record.container is not None
        with self._turn((record.container, record.entry, start // container.group * container.group)):
            image = self._find(record.container, record.entry, start, stop - start)
            return self._decode(container, record, start, stop) if image is None else image

    def _decode(self, container: Container, record: InstanceRecord, start: int, stop: int) -> Image:
        """Some frames of one stream, which is kept where not all of it was asked for."""
        low = start // container.group * container.group
        high = min(low + container.group, container.entries[record.entry].spec.frames)
        image = container.frames(record.entry, low, high)
        if stop - start < high - low:
            assert record.container is not None
            self._keep((record.container, record.entry, low), image)
        return image[start - low : stop - low]

    @contextmanager
    def _turn(self, stream: _Stream) -> Iterator[None]:
        """One thread at a time decodes a stream: those that want another frame of it find it decoded."""
        with self._guard:
            lock = self._turns.setdefault(stream, threading.Lock())
            self._waiting[stream] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._waiting[stream] -= 1
                if not self._waiting[stream]:
                    del self._turns[stream], self._waiting[stream]

    def _find(self, container: BlobId, entry: int, start: int, count: int) -> Image | None:
        with self._guard:
            for key, image in self._streams.items():
                if key[:2] == (container, entry) and key[2] <= start and start + count <= key[2] + len(image):
                    self._streams.move_to_end(key)
                    return image[start - key[2] : start - key[2] + count]
        return None

    def _keep(self, key: _Stream, image: Image) -> None:
        with self._guard:
            if key in self._streams or image.pixels.nbytes > self._most:
                return
            self._streams[key] = image
            self._bytes += image.pixels.nbytes
            while self._bytes > self._most or len(self._streams) > _MOST_STREAMS:
                self._bytes -= self._streams.popitem(last=False)[1].pixels.nbytes


def _range(container: Container, record: InstanceRecord) -> tuple[int, int]:
    """Which frames of its entry are the instance's."""
    if record.entry >= len(container.entries):
        raise CorruptStream(f"the container has {len(container.entries)} entries, entry {record.entry} is asked for")
    frames = container.entries[record.entry].spec.frames
    last = record.first_frame + (record.frames or frames)
    if last > frames:
        raise CorruptStream(f"the entry has {frames} frames, {record.first_frame} to {last} are asked for")
    return record.first_frame, last


def _proven(blobs: BlobStore, blob: BlobId) -> Container:
    """A container whose every byte has been hashed: in memory where it is small, in a pass before where it is not."""
    size = blobs.size(blob)
    with blobs.open(blob) as stream:
        if size <= _IN_MEMORY:
            data = stream.read()
            return Container.of(data)
        while stream.read(CHUNK):
            pass
    return Container.open(lambda offset, length: blobs.read(blob, offset, length), size)
