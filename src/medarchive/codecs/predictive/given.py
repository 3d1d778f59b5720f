"""Given: a plane in the light of one that is nearly it, which the decoder has already: a preview, for example."""

import numpy as np

from medarchive.codecs.predictive import model
from medarchive.codecs.predictive.adaptation import Adaptation
from medarchive.codecs.predictive.backend import State, coder
from medarchive.codecs.predictive.codec import Encoder, Part, Tile, Way, each_tile, tiles_of
from medarchive.codecs.predictive.planes import Ints
from medarchive.codecs.wire import Reader, blob
from medarchive.errors import CorruptStream

__all__ = ["decode", "encode", "skip"]

_MOST_BYTES = 1 << 30


def encode(plane: Ints, known: Ints, highest: int, effort: int) -> bytes:
    """The bytes of a plane.

    Args:
        plane: int32 of shape (rows, columns), 0 to highest.
        known: as the plane; what the decoder has.
        highest: the largest value, at most 65,535.
        effort: 1 (quick) to 9 (small).
    """
    used = model.load()

    def coded(tile: Tile) -> bytes:
        encoder = Encoder(coder(used), tile.geometry, effort, _state(known, tile, used))
        return encoder.next(np.ascontiguousarray(plane[tile.rows, tile.columns]), highest)

    return used.identity + blob(b"".join(each_tile(coded, *plane.shape)))


def decode(reader: Reader, known: Ints, highest: int) -> Ints:
    """The plane of such bytes.

    Raises:
        CorruptStream: they are none, or give a value beyond the highest.
    """
    used = model.load(reader.take(model.IDENTITY))
    body = Reader(reader.blob(_MOST_BYTES))
    parts = [Part(Way.read(body, None, known=True), body.blob(_MOST_BYTES)) for _ in tiles_of(*known.shape)]
    if body.left:
        raise CorruptStream("bytes behind the tiles of a plane")
    plane, tiles = np.zeros(known.shape, np.int32), tiles_of(*known.shape)

    def decoded(tile: Tile) -> None:
        state = parts[tiles.index(tile)].decoded(coder(used), _state(known, tile, used), tile.geometry, highest)
        plane[tile.rows, tile.columns] = tile.geometry.tile_of(state.values)

    each_tile(decoded, *known.shape)
    return plane


def skip(reader: Reader) -> None:
    """Pass over the bytes of a plane.

    Raises:
        CorruptStream: they are cut off.
    """
    reader.take(model.IDENTITY)
    reader.blob(_MOST_BYTES)


def _state(known: Ints, tile: Tile, used: model.Model) -> State:
    """A tile of what is known, as a plane that was coded before."""
    geometry = tile.geometry
    values = geometry.plane_of(np.ascontiguousarray(known[tile.rows, tile.columns]))
    return State(values, geometry.new(), Adaptation(used).fine)
