"""The codec "predictive": tiles of up to 16 frames, each coded in the light of the one before it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.limits import checked_shape
from medarchive.codecs.predictive import colours, drawings, linear, model
from medarchive.codecs.predictive.backend import Coder, State, coder, remark
from medarchive.codecs.predictive.native import instruction_sets, plane_of
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.solver import Samples
from medarchive.codecs.predictive.squares import Floats
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream, LimitExceeded, UnsupportedImage
from medarchive.image import Image

__all__ = ["Encoder", "Part", "Predictive", "Tile", "Way", "each_tile", "tiles_of"]

_SIDE = 1024
"""The longest side of a tile."""
_TILES, _DRAWN = 0, 1
_ALONE, _ACROSS, _AGAIN = 0, 1, 2
_MOST_WEIGHT = 1 << 18
_MOST_PIXELS = 1 << 28
_MOST_SAMPLES = 65535
_WEIGHT_BYTES = 1.6
"""What a weight takes in a stream, about."""
_TRIES_BOTH = 9
"""From this effort on both ways are coded, and the shorter one is kept."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile lies in a frame."""

    rows: slice
    columns: slice

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)


class Predictive:
    """1 to 16 bits, any number of samples, up to 16 frames a stream."""

    name = "predictive"
    group = 16

    @property
    def quick(self) -> bool:
        """Whether the C kernel was built."""
        return bool(instruction_sets())

    @property
    def remark(self) -> str:
        """Who codes here."""
        return remark()

    def accepts(self, image: Image) -> bool:
        """Images of up to 16 bits."""
        size, samples = image.pixels[:1].size, image.pixels.shape[3]
        return image.bits <= 16 and 0 < size * self.group <= _MOST_PIXELS and samples <= _MOST_SAMPLES

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        """See Codec.encode."""
        if max_error:
            raise UnsupportedImage("predictive is lossless; the container quantises in front of it")
        if not self.accepts(image) or len(image) > self.group:
            raise UnsupportedImage(f"predictive takes up to {self.group} frames of up to 16 bits, of moderate size")
        found = colours.ways(image.pixels)
        if len(found) > 1:  # the first frame decides for all
            first = image[:1]
            found = [min(found, key=lambda way: len(way.packed()) + len(self._body(first, way, effort)))]
        head = model.load().identity + ImageSpec.of(image, len(image)).packed()
        return head + found[0].packed() + self._body(image, found[0], effort)

    def _body(self, image: Image, way: colours.Colours, effort: int) -> bytes:
        """All that follows the colours."""
        if not any(way.highest):
            return b""
        planes, used = way.planes(image.pixels), model.load()

        def coded(tile: Tile) -> list[bytes]:
            encoder = Encoder(coder(used), tile.geometry, effort)
            return [
                encoder.next(np.ascontiguousarray(planes[f, s, tile.rows, tile.columns]), way.highest[s])
                for f, s in _order(planes)
            ]

        tiles = b"".join(map(b"".join, zip(*each_tile(coded, planes.shape[2], planes.shape[3]), strict=True)))
        drawn = drawings.encode(planes, max(way.highest), len(tiles))
        return bytes([_TILES]) + tiles if drawn is None else bytes([_DRAWN]) + drawn

    def decode(self, data: bytes) -> Image:
        """See Codec.decode."""
        reader = Reader(data)
        used = model.load(reader.take(model.IDENTITY))
        spec = ImageSpec.read(reader)
        frames, rows, columns, samples = checked_shape(spec.frames, spec.rows, spec.columns, spec.samples)
        if spec.bits > 16 or frames > self.group or samples > _MOST_SAMPLES:
            raise CorruptStream("a predictive stream of more bits, frames or samples than there can be")
        if frames * rows * columns * samples > _MOST_PIXELS:
            raise LimitExceeded(f"{frames} frames of {rows} x {columns} x {samples} are beyond what is decoded at once")
        way = colours.read(reader, spec.samples)
        lowest, (low, high) = -(1 << spec.bits - 1) if spec.signed else 0, way.range()
        if low < lowest or high >= lowest + (1 << spec.bits):
            raise CorruptStream("a predictive stream whose values leave its bits")
        shape = (frames, len(way.highest), rows, columns)
        if not any(way.highest):
            planes = np.zeros(shape, np.int32)
        elif reader.varint(_DRAWN) == _DRAWN:
            planes = drawings.decode(reader.rest(), shape, way.highest)
        else:
            planes = _decoded(_parts(reader, len(tiles_of(rows, columns)), frames * len(way.highest)), shape, way, used)
        if reader.left:
            raise CorruptStream("bytes behind the end of a predictive stream")
        return Image(np.ascontiguousarray(way.pixels(planes).astype(spec.dtype)), spec.bits)


def _decoded(
    parts: "list[list[Part]]", shape: tuple[int, int, int, int], way: colours.Colours, used: model.Model
) -> Ints:
    """The planes, from the parts of each tile."""
    planes = np.zeros(shape, np.int32)
    tiles = tiles_of(*shape[2:])

    def decoded(tile: Tile) -> None:
        state, decoder, geometry = None, coder(used), tile.geometry
        for (frame, plane), part in zip(_order(planes), parts[tiles.index(tile)], strict=True):
            state = part.decoded(decoder, state, geometry, way.highest[plane])
            planes[frame, plane, tile.rows, tile.columns] = geometry.tile_of(state.values)

    each_tile(decoded, *shape[2:])
    return planes


def _order(planes: Ints) -> Iterator[tuple[int, int]]:
    """Frames, and within a frame planes, in the order in which they are coded."""
    return product(range(planes.shape[0]), range(planes.shape[1]))


def tiles_of(rows: int, columns: int) -> list[Tile]:
    """Tiles of nearly equal size, row by row."""

    def edges(length: int) -> list[slice]:
        count = -(-length // _SIDE)
        return [slice(start, stop) for start, stop in pairwise(length * i // count for i in range(count + 1))]

    return [Tile(down, right) for down in edges(rows) for right in edges(columns)]


def _parts(reader: Reader, tiles: int, planes: int) -> "list[list[Part]]":
    """The parts of each tile; in the stream they come plane by plane."""
    parts: list[list[Part]] = [[] for _ in range(tiles)]
    for _, tile in product(range(planes), parts):
        way = Way.read(reader, tile[-1].way if tile else None)
        tile.append(Part(way, reader.blob(1 << 30)))
    return parts


def each_tile(work, rows: int, columns: int):  # type: ignore[no-untyped-def]
    """The results for all tiles, several at once."""
    tiles = tiles_of(rows, columns)
    if len(tiles) == 1:
        return [work(tiles[0])]
    with ThreadPoolExecutor(min(len(tiles), 4), thread_name_prefix="medarchive-tile") as pool:
        return list(pool.map(work, tiles))


@dataclass(frozen=True, slots=True)
class Way:
    """How a plane of a tile is predicted."""

    weights: Ints
    across: bool

    @classmethod
    def read(cls, reader: Reader, former: "Way | None", *, known: bool = False) -> "Way":
        """The way of the next plane.

        Args:
            reader: stands where it is said.
            former: the way of the plane before.
            known: whether a first plane, too, has one before it.
        """
        how = reader.varint(_AGAIN)
        if how == _AGAIN:
            if former is None:
                raise CorruptStream("a first plane that is coded as the one before")
            return former
        across = how == _ACROSS
        if across and former is None and not known:
            raise CorruptStream("a first plane that was coded in the light of one before")
        count = len(linear.AROUND) + across * len(linear.ACROSS)
        numbers = [reader.varint(_MOST_WEIGHT) for _ in range(count)]
        weights = np.array([number // 2 if number % 2 == 0 else -(number + 1) // 2 for number in numbers], np.int32)
        return cls(linear.checked(weights, across=across), across)

    def packed(self, former: "Way | None") -> bytes:
        if self is former:
            return bytes([_AGAIN])
        numbers = (2 * weight if weight >= 0 else -2 * weight - 1 for weight in self.weights.tolist())
        return bytes([_ACROSS if self.across else _ALONE]) + b"".join(map(varint, numbers))


@dataclass(frozen=True, slots=True)
class Part:
    """A tile of one plane in a stream."""

    way: Way
    data: bytes

    def decoded(self, coder: Coder, before: State | None, geometry: Geometry, highest: int) -> State:
        state = coder.decode(self.data, before if self.way.across else None, geometry, self.way.weights, highest)
        if int(state.values.min()) < 0 or int(state.values.max()) > highest:
            raise CorruptStream("a predictive stream with a value below 0 or beyond its highest")
        return state


class Encoder:
    """Codes the planes of one tile in turn."""

    def __init__(self, coder: Coder, geometry: Geometry, effort: int, before: State | None = None) -> None:
        self._coder = coder
        self._geometry = geometry
        self._effort = effort
        self._places = geometry.everywhere()
        self._before = before
        self._way: Way | None = None

    def next(self, tile: Ints, highest: int) -> bytes:
        """The bytes of the next plane, whose largest value may be ``highest``."""
        values = plane_of(self._geometry, tile)
        found = []
        for way in self._ways(values):
            before = self._before if way.across else None
            data, state = self._coder.encode(values, before, self._geometry, way.weights, highest)
            found.append((way.packed(self._way) + blob(data), state, way))
        packed, self._before, self._way = min(found, key=lambda each: len(each[0]))
        return packed

    def _ways(self, values: Ints) -> list[Way]:
        """How the next plane may be predicted; one way, unless there is time to try several."""
        across = None if self._before is None else self._before.values
        samples = Samples(self._geometry, values, across, self._places)
        fits = [samples.fitted(count) for count in sorted({len(linear.AROUND), samples.count})]
        if self._effort < _TRIES_BOTH:
            fits = [min(fits, key=samples.bits)]
        return [self._again(samples, fit) or self._anew(samples, fit) for fit in fits]

    def _again(self, samples: Samples, fit: Floats) -> Way | None:
        """The way of the plane before, where sending other weights would not pay."""
        if self._way is None or self._way.weights.size != fit.size:
            return None
        spared = 8 * _WEIGHT_BYTES * fit.size / self._places.size
        known = (self._way.weights / linear.UNIT).astype(np.float32)
        return self._way if samples.bits(known) < samples.bits(fit) + spared else None

    @staticmethod
    def _anew(samples: Samples, fit: Floats) -> Way:
        return Way(linear.rounded(samples.refitted(fit)), fit.size > len(linear.AROUND))
