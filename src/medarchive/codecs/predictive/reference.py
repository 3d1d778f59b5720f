"""The normative coder of a tile, in plain NumPy integers. Whatever else codes tiles must equal it, bit for bit."""

from dataclasses import dataclass

import numpy as np

from medarchive.codecs.predictive import linear
from medarchive.codecs.predictive.distribution import PRECISION, Bins, Parameters, bins, parameters, start
from medarchive.codecs.predictive.features import Context, features
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.rans import LANES, Decoder, encode

__all__ = ["Reference", "State"]

_RAW = 1 << PRECISION


@dataclass(frozen=True, slots=True)
class State:
    """Planes of a tile that was coded, complete: what the next tile may look at."""

    values: Ints
    errors: Ints


class Reference:
    """Codes tiles with a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def encode(self, values: Ints, before: State | None, geometry: Geometry, weights: Ints, highest: int) -> tuple[bytes, State]:
        """Encode a tile.

        Args:
            values: its complete plane, 0 to highest.
            before: the tile before, of the same geometry, or None.
            geometry: of the tile.
            weights: linear weights, see ``linear.predict``.
            highest: the largest value of the image.
        """
        places = geometry.everywhere()
        across = None if before is None else before.values
        predicted = linear.predict(geometry, values, across, places, weights, highest)
        errors = geometry.new()
        errors.reshape(-1)[places] = values.reshape(-1)[places] - ((predicted + 8) >> 4)
        errors = geometry.plane_of(geometry.tile_of(errors))
        state = State(values, errors)
        found = self._parameters(geometry, state, before, places, predicted, highest)
        lanes = np.concatenate([np.arange(len(geometry.at(step))) % LANES for step in range(geometry.steps)])
        symbols: list[tuple[int, int, int]] = []
        for lane, value, *pixel in zip(lanes.tolist(), values.reshape(-1)[places].tolist(), *_lists(found), strict=True):
            self._put(symbols, lane, value, highest, *pixel)
        return encode(symbols), state

    def decode(self, data: bytes, before: State | None, geometry: Geometry, weights: Ints, highest: int) -> State:
        """Decode a tile.

        Raises:
            CorruptStream: the bytes are no such tile.
        """
        state = State(geometry.new(), geometry.new())
        across = None if before is None else before.values
        values, errors = state.values.reshape(-1), state.errors.reshape(-1)
        decoder = Decoder(data)
        for step in range(geometry.steps):
            places = geometry.at(step)
            predicted = linear.predict(geometry, state.values, across, places, weights, highest)
            found = self._parameters(geometry, state, before, places, predicted, highest)
            here = [
                self._get(decoder, index % LANES, highest, *pixel)
                for index, pixel in enumerate(zip(*_lists(found), strict=True))
            ]
            values[places] = here
            errors[places] = values[places] - ((predicted + 8) >> 4)
            geometry.fill(state.values, step)
            geometry.fill(state.errors, step)
        decoder.finish()
        geometry.finish(state.values)
        geometry.finish(state.errors)
        return state

    def _parameters(
        self, geometry: Geometry, state: State, before: State | None, places: Ints, predicted: Ints, highest: int
    ) -> Parameters:
        context = Context(
            geometry,
            state.values,
            state.errors,
            None if before is None else before.values,
            None if before is None else before.errors,
        )
        seen, scale = features(context, places, predicted, highest)
        return parameters(self._model.network.outputs(seen), predicted, scale, highest)

    def _put(
        self, symbols: list[tuple[int, int, int]], lane: int, value: int, highest: int, centre: int, steep: int, shift: int, shape: int
    ) -> None:
        pixel, table = bins(centre, shift, highest), self._model.tables[shape]
        raised = value - pixel.middle + ((1 << pixel.low_bits) >> 1)
        number = raised >> pixel.low_bits
        if pixel.first <= number <= pixel.last:
            begin = start(pixel, number, steep, shift, table)
            symbols.append((lane, begin, start(pixel, number + 1, steep, shift, table) - begin))
            if pixel.low_bits:
                count = _RAW >> pixel.low_bits
                symbols.append((lane, (raised & ((1 << pixel.low_bits) - 1)) * count, count))
            return
        begin = start(pixel, pixel.last + 1, steep, shift, table)
        symbols.append((lane, begin, _RAW - begin))
        symbols.append((lane, value, 1))

    def _get(self, decoder: Decoder, lane: int, highest: int, centre: int, steep: int, shift: int, shape: int) -> int:
        pixel, table = bins(centre, shift, highest), self._model.tables[shape]
        slot = decoder.slot(lane)
        low, high = pixel.first, pixel.last + 1  # the last class that begins at or before the slot
        while low < high:
            middle = (low + high + 1) >> 1
            if start(pixel, middle, steep, shift, table) <= slot:
                low = middle
            else:
                high = middle - 1
        begin = start(pixel, low, steep, shift, table)
        if low > pixel.last:
            decoder.take(lane, begin, _RAW - begin)
            value = decoder.slot(lane)
            decoder.take(lane, value, 1)
            return value
        decoder.take(lane, begin, start(pixel, low + 1, steep, shift, table) - begin)
        raw = 0
        if pixel.low_bits:
            count = _RAW >> pixel.low_bits
            raw = decoder.slot(lane) // count
            decoder.take(lane, raw * count, count)
        return pixel.middle - ((1 << pixel.low_bits) >> 1) + (low << pixel.low_bits) + raw


def _lists(found: Parameters) -> tuple[list[int], ...]:
    return found.centre.tolist(), found.steep.tolist(), found.shift.tolist(), found.shape.tolist()
