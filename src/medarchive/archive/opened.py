"""Opened: an instance at hand, for whoever wants parts of it: frames as they lie in the file, the data set around them.

What could not be split is proven as a whole when it is opened; of what was split, each frame is proven when it is read.
Instances stay open for a while: their next frame will be asked for.
"""

import io
import threading
import weakref
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.archive.pictures import header_of
from medarchive.archive.recent import Recent
from medarchive.dicom.encapsulated import decode_frame, frame_bytes
from medarchive.dicom.instance_blob import around
from medarchive.dicom.part10 import DEFLATED, as_inflated, read_header
from medarchive.dicom.pixels import StreamFrames, plan
from medarchive.dicom.recipe import Reason, Recipe, Verbatim
from medarchive.dicom.transcode import transcode
from medarchive.errors import CannotTranscode, NotFound
from medarchive.image import Image

__all__ = ["Opened", "Section", "Shelf"]

T = TypeVar("T")
Section = tuple[BinaryIO, int, int]
"""A seekable stream, and where a run of data elements begins and ends in it."""

_MOST_BYTES = 256 << 20
_MOST_INFLATED = 1 << 30
_FLOATS = {0x7FE00008: 4, 0x7FE00009: 8}


class Opened:
    """An instance, opened. Any thread may ask.

    Attributes:
        record: where it was when it was opened.
        header: what its header says; of a deflated one as if it were not.
        cost: bytes that it holds.
    """

    def __init__(self, record: InstanceRecord, decoded: Decoded, whole: Callable[[], BinaryIO]) -> None:
        """Open it; ``whole`` gives its file, proven.

        Raises:
            BlobMissing, BlobCorrupt: it cannot be read.
            NotDicom, LimitExceeded: nothing can make sense of it.
        """
        self.record = record
        self._decoded = decoded
        self._guard = threading.Lock()
        self._stream: BinaryIO | None = None
        self._recipe: Recipe | Verbatim
        if record.form == "split":
            with decoded.blobs.open(record.blob) as blob:
                self._recipe, self._head, self._tail = around(blob.read())
            self.header = read_header(io.BytesIO(self._head))
            self.cost = len(self._head) + len(self._tail)
            return
        stream = whole()
        self.header = read_header(stream)
        if self.header.trouble:
            before = stream
            with before:
                if self.header.trouble == DEFLATED:
                    stream = as_inflated(before, self.header, _MOST_INFLATED)
                else:  # pydicom forgives more, and writes it anew
                    stream = transcode(before, str(ExplicitVRLittleEndian))
            self.header = read_header(stream)
        self._recipe = plan(self.header, stream)
        self._stream = stream
        self.cost = self.header.size
        weakref.finalize(self, stream.close)

    @property
    def frames(self) -> int:
        """How many frames there are; 0 where there is no pixel data."""
        if isinstance(self._recipe, Recipe):
            return self._recipe.frames
        return 0 if self._recipe.reason is Reason.NONE else max(self.header.integer(0x00280008) or 1, 1)

    @property
    def compressed(self) -> bool:
        """Whether its frames lie there encapsulated."""
        return isinstance(self._recipe, Verbatim) and self._recipe.reason is Reason.ENCAPSULATED

    def sections(self) -> list[Section]:
        """The data set's elements in order, without the value of pixel data where that was split off.

        Streams of their own for whoever calls, or one under ``guarded``.
        """
        pixel = self.header.pixel
        if self._stream is not None:
            return [(self._stream, self.header.dataset_offset, self.header.size)]
        assert pixel is not None
        assert isinstance(self._recipe, Recipe)
        rest = (pixel.value_length or 0) - self._recipe.body_bytes
        head = (io.BytesIO(self._head), self.header.dataset_offset, len(self._head))
        return [head, (io.BytesIO(self._tail), min(rest, len(self._tail)), len(self._tail))]

    def guarded(self, use: Callable[[list[Section]], T]) -> T:
        """Do something with ``sections`` while nobody else moves in their streams."""
        with self._guard:
            return use(self.sections())

    def dataset(self) -> Dataset:
        """Its data set without pixel data, for whoever wants a few values of it.

        Raises:
            DicomError: it cannot be read.
        """
        if self._stream is None:
            return header_of(io.BytesIO(self._head))
        with self._guard:
            return header_of(self._stream)

    def stored_frame(self, index: int) -> bytes:
        """The compressed bytes of a frame, as they lie in its fragments.

        Raises:
            NotFound: no such frame, or none is compressed.
            CannotTranscode: it cannot be found.
        """
        self._inside(index)
        if not self.compressed or self._stream is None:
            raise NotFound(f"{self.record.uid}: its frames are not compressed")
        with self._guard:
            return frame_bytes(self._stream, self.header, index, self.frames)

    def native_frame(self, index: int) -> bytes:
        """The words of a frame in little endian, as Explicit VR Little Endian has them (PS3.5 8.1, A.2).

        Native ones are as they lie in the file; decoded ones are interleaved, and RGB where the codec undoes YBR.

        Raises:
            NotFound: no such frame.
            BlobMissing, BlobCorrupt, CorruptStream: it cannot be read.
            CannotTranscode: it cannot be decoded.
        """
        self._inside(index)
        recipe = self._recipe
        if isinstance(recipe, Recipe):
            return recipe.little(self._image(recipe, index))
        assert self._stream is not None
        if recipe.reason is Reason.FLOAT:
            return self._floats(index)
        if not self.compressed:
            raise CannotTranscode(f"{self.record.uid}: no frame can be read: {recipe}")
        with self._guard:
            pixels = decode_frame(self._stream, self.header, index).pixels
        width = max((self.header.integer(0x00280100) or 8) // 8, 1)
        return np.ascontiguousarray(pixels, f"<{pixels.dtype.kind}{width}").tobytes()

    def values(self, index: int) -> Image:
        """A frame as stored values, shape (1, rows, columns, samples).

        Raises:
            NotFound, BlobMissing, BlobCorrupt, CorruptStream, CannotTranscode: see ``native_frame``.
        """
        self._inside(index)
        if isinstance(self._recipe, Recipe):
            return self._recipe.values(self._image(self._recipe, index))
        if not self.compressed or self._stream is None:
            raise CannotTranscode(f"{self.record.uid}: no frame can be shown: {self._recipe}")
        with self._guard:
            return decode_frame(self._stream, self.header, index)

    def _image(self, recipe: Recipe, index: int) -> Image:
        if self._stream is None:
            return self._decoded.one(self.record, index)
        assert self.header.pixel is not None
        with self._guard:
            return StreamFrames(self._stream, self.header.pixel.value_offset, recipe)[index : index + 1]

    def _floats(self, index: int) -> bytes:
        """A frame of Float or Double Float Pixel Data (PS3.3 C.7.6.24)."""
        pixel = self.header.pixel
        assert pixel is not None
        assert self._stream is not None
        width = _FLOATS[pixel.tag]
        length = (self.header.integer(0x00280010) or 0) * (self.header.integer(0x00280011) or 0) * width
        with self._guard:
            self._stream.seek(pixel.value_offset + index * length)
            data = self._stream.read(length)
        if len(data) != length or not length:
            raise CannotTranscode(f"{self.record.uid}: frame {index} reaches beyond the pixel data")
        return np.frombuffer(data, f"{'>' if self.header.big_endian else '<'}f{width}").astype(f"<f{width}").tobytes()

    def _inside(self, index: int) -> None:
        if not self.frames:
            raise NotFound(f"{self.record.uid} has no pixel data")
        if not 0 <= index < self.frames:
            raise NotFound(f"{self.record.uid} has {self.frames} frames; there is no frame {index + 1}")


class Shelf:
    """Keeps instances open for a while, as many as take little memory. Any thread may ask."""

    def __init__(self, decoded: Decoded, whole: Callable[[InstanceRecord], BinaryIO]) -> None:
        """Put the parts together; ``whole`` gives an instance's file, proven."""
        self._decoded = decoded
        self._whole = whole
        self._recent: Recent[tuple[str, str, str | None, int, int], Opened] = Recent(
            _MOST_BYTES, lambda opened: opened.cost
        )

    def take(self, record: InstanceRecord) -> Opened:
        """An instance, opened now or before.

        Raises:
            BlobMissing, BlobCorrupt, NotDicom, LimitExceeded: see ``Opened``.
        """
        key = (record.uid, record.blob, record.container, record.entry, record.first_frame)
        found = self._recent.get(key)
        if found is None:
            found = Opened(record, self._decoded, lambda: self._whole(record))
            self._recent.keep(key, found)
        return found

    def clear(self) -> None:
        """Let all go."""
        self._recent.clear()
