"""The normative coder of a tile, in plain NumPy integers. Whatever else codes tiles must equal it, bit for bit."""

from dataclasses import dataclass

import numpy as np

from medarchive.codecs.predictive import flat, linear
from medarchive.codecs.predictive.adaptation import Adaptation
from medarchive.codecs.predictive.distribution import (
    LEAST_SPREAD,
    MOST_SPREAD,
    PRECISION,
    Parameters,
    bins,
    parameters,
    start,
)
from medarchive.codecs.predictive.features import Context, features
from medarchive.codecs.predictive.flat import Surprise
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.rans import LANES, Decoder, encode

__all__ = ["Reference", "State"]

_RAW = 1 << PRECISION

Symbols = list[tuple[int, int, int]]
"""Lane, start and count, see ``rans.encode``."""


@dataclass(frozen=True, slots=True)
class State:
    """What the next tile may look at: the planes of a tile that was coded, complete, and where its last layer ended."""

    values: Ints
    errors: Ints
    fine: Ints


class Reference:
    """Codes tiles with a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def encode(
        self, values: Ints, before: State | None, geometry: Geometry, weights: Ints, highest: int
    ) -> tuple[bytes, State]:
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
        steps, coded = self._said(geometry, values, places)
        errors = geometry.new()
        errors.reshape(-1)[places] = np.where(coded, values.reshape(-1)[places] - ((predicted + 8) >> 4), 0)
        last = Adaptation(self._model, None if before is None else before.fine)
        state = State(values, geometry.plane_of(geometry.tile_of(errors)), last.fine)
        places, predicted = places[coded], predicted[coded]
        inputs, scale = self._seen(geometry, state, before, places, predicted, highest)
        first = 0
        for symbols, count in steps:
            some = slice(first, first + count)
            first = some.stop
            here = values.reshape(-1)[places[some]]
            found, spread = self._distributions(last, inputs[:, some], predicted[some], scale[some], highest)
            for index, (value, *pixel) in enumerate(zip(here.tolist(), *_lists(found), strict=True)):
                self._put(symbols, index % LANES, value, highest, *pixel)
            last.learn(inputs[:, some], spread, scale[some], here, found, highest)
        return encode([symbol for symbols, _ in steps for symbol in symbols]), state

    def decode(self, data: bytes, before: State | None, geometry: Geometry, weights: Ints, highest: int) -> State:
        """Decode a tile.

        Raises:
            CorruptStream: the bytes are no such tile.
        """
        last = Adaptation(self._model, None if before is None else before.fine)
        state = State(geometry.new(), geometry.new(), last.fine)
        across = None if before is None else before.values
        values, errors = state.values.reshape(-1), state.errors.reshape(-1)
        decoder, surprise = Decoder(data), Surprise()
        for step in range(geometry.steps):
            places = geometry.at(step)
            coded = self._coded(decoder, surprise, flat.blocks(flat.flat(geometry, state.values, places)), places.size)
            values[places[~coded]] = values[places[~coded] + geometry.offset(-1, 0)]
            places = places[coded]
            predicted = linear.predict(geometry, state.values, across, places, weights, highest)
            inputs, scale = self._seen(geometry, state, before, places, predicted, highest)
            found, spread = self._distributions(last, inputs, predicted, scale, highest)
            pixels = enumerate(zip(*_lists(found), strict=True))
            here = np.array([self._get(decoder, index % LANES, highest, *pixel) for index, pixel in pixels], np.int32)
            last.learn(inputs, spread, scale, here, found, highest)
            values[places] = here
            errors[places] = here - ((predicted + 8) >> 4)
            geometry.fill(state.values, step)
            geometry.fill(state.errors, step)
        decoder.finish()
        geometry.finish(state.values)
        geometry.finish(state.errors)
        return state

    def _said(self, geometry: Geometry, values: Ints, places: Ints) -> tuple[list[tuple[Symbols, int]], flat.Bools]:
        """Of each step, what is said of its flat blocks and how many pixels are coded; of each pixel, whether it is."""
        surprise, steps, coded, first = Surprise(), [], np.empty(places.size, np.bool_), 0
        calm = flat.flat(geometry, values, places)
        same = values.reshape(-1)[places] == values.reshape(-1)[places + geometry.offset(-1, 0)]
        for step in range(geometry.steps):
            some = slice(first, first + len(geometry.at(step)))
            first = some.stop
            symbols: Symbols = []
            as_said = flat.blocks(calm[some])
            for block in np.flatnonzero(as_said).tolist():
                surprised = not flat.blocks(same[some])[block]
                symbols.append((block % LANES, *surprise.interval(surprised)))
                surprise.learn(surprised)
                as_said[block] = not surprised
            coded[some] = ~flat.pixels(as_said, some.stop - some.start)
            steps.append((symbols, int(coded[some].sum())))
        return steps, coded

    def _coded(self, decoder: Decoder, surprise: Surprise, as_said: flat.Bools, count: int) -> flat.Bools:
        """Which of a step's pixels are coded."""
        for block in np.flatnonzero(as_said).tolist():
            lane = block % LANES
            surprised = decoder.slot(lane) < surprise.chance
            decoder.take(lane, *surprise.interval(surprised))
            surprise.learn(surprised)
            as_said[block] = not surprised
        return ~flat.pixels(as_said, count)

    def _seen(
        self, geometry: Geometry, state: State, before: State | None, places: Ints, predicted: Ints, highest: int
    ) -> tuple[Ints, Ints]:
        """The inputs of the last layer at these places, and the scales k."""
        context = Context(
            geometry,
            state.values,
            state.errors,
            None if before is None else before.values,
            None if before is None else before.errors,
        )
        seen, scale = features(context, places, predicted, highest)
        return np.vstack([self._model.network.active(seen), 16 * seen]), scale

    def _distributions(
        self, last: Adaptation, inputs: Ints, predicted: Ints, scale: Ints, highest: int
    ) -> tuple[Parameters, Ints]:
        outputs = last.outputs(inputs)
        return parameters(outputs, predicted, scale, highest), np.clip(outputs[1], LEAST_SPREAD, MOST_SPREAD)

    def _put(
        self,
        symbols: Symbols,
        lane: int,
        value: int,
        highest: int,
        centre: int,
        steep: int,
        shift: int,
        shape: int,
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
