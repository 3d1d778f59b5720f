"""Nothing that decides a pixel leaves 32 bits, whatever a model that can be read or a stream says.

Each sum at its furthest, against Python's own integers, which know no end.
"""

from dataclasses import replace

import numpy as np
import pytest

from medarchive.codecs.predictive import linear, model
from medarchive.codecs.predictive.adaptation import FINE, ONE, Adaptation
from medarchive.codecs.predictive.distribution import (
    LEAST_SPREAD,
    MOST_LOCATION,
    MOST_SPREAD,
    SHAPES,
    SPAN,
    STEEP,
    Parameters,
    parameters,
)
from medarchive.codecs.predictive.features import COUNT, HIGHEST_SCALE, LIMIT
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.network import LAST_SHIFTS, MOST_BIAS, MOST_WEIGHT, WIDEST, Layer, Network
from medarchive.codecs.predictive.planes import Geometry, Ints

MOST_ACTIVE = 4095
END = 1 << 31
WIDEST_STEP = max(len(Geometry(1024, 1024).at(step)) for step in (1022, 1023, 1500, 2046, 3000))


def extreme(sign: int) -> Model:
    """All weights and biases as far out as a model file may have them."""

    def layer(outputs: int, inputs: int) -> Layer:
        weights = np.full((outputs, inputs), sign * MOST_WEIGHT, np.int16)
        return Layer(weights, np.full(outputs, sign * MOST_BIAS, np.int32))

    layers = layer(WIDEST, COUNT), layer(WIDEST, WIDEST), layer(3, WIDEST + COUNT)
    rates = np.ones((2, WIDEST + COUNT + 1), np.int32)
    tables = np.zeros((len(SHAPES), SPAN), np.uint16)
    tables[:, SPAN // 2 :] = 65535
    return Model.read(Model.write(Network(layers), rates, tables))


def inputs(pixels: int) -> Ints:
    return np.vstack([np.full((WIDEST, pixels), MOST_ACTIVE, np.int32), np.full((COUNT, pixels), 16 * LIMIT, np.int32)])


@pytest.mark.parametrize("sign", [-1, 1])
def test_hidden_layers(sign: int) -> None:
    first, second, _ = extreme(sign).network.layers
    for layer, value in ((first, LIMIT), (first, -LIMIT), (second, MOST_ACTIVE)):
        expected = sign * (MOST_WEIGHT * value * layer.weights.shape[1] + MOST_BIAS)
        found = layer.sums(np.full((layer.weights.shape[1], 2), value, np.int32))
        assert np.unique(found).tolist() == [expected]
        assert abs(expected) + (1 << 9) < END


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_last_layer_begins_where_its_weights_stay_inside(sign: int) -> None:
    """A bias of a model may be larger than what an adapted one may become: it is clipped, not turned round."""
    last = Adaptation(extreme(sign))
    most = MOST_WEIGHT << FINE
    assert np.unique(last.fine).tolist() == [sign * most]
    weighted = sign * MOST_WEIGHT * (WIDEST * MOST_ACTIVE + COUNT * 16 * LIMIT) + (sign * most >> (FINE - 8))
    assert abs(weighted) + (1 << 17) < END
    found = last.outputs(inputs(2))
    assert found[:, 0].tolist() == [(weighted + (1 << (shift - 1))) >> shift for shift in LAST_SHIFTS]


@pytest.mark.parametrize("rate", [1, 2, 16, 30])
@pytest.mark.parametrize("value", [0, 65535])
def test_a_step_of_gradients(rate: int, value: int) -> None:
    """The widest step of a tile, each of its pixels as far from what was expected as can be."""
    used = replace(extreme(1), rates=np.full((2, WIDEST + COUNT + 1), rate, np.int32))
    last, shape = Adaptation(used), np.zeros(WIDEST_STEP, np.int32)
    last.fine[:] = 0
    centre = shape + (0 if value else 16 * 65535)
    spread = shape + LEAST_SPREAD
    found = Parameters(centre, shape + int(STEEP.max()), shape + (LEAST_SPREAD >> 3) + 17, shape)
    last.learn(inputs(WIDEST_STEP), spread, shape + HIGHEST_SCALE, shape + value, found, 65535)
    for column, active in ((0, MOST_ACTIVE), (WIDEST, 16 * LIMIT), (-1, ONE)):
        gradient = (1024 if value else -1024) * active * WIDEST_STEP
        assert abs(gradient) + (1 << (rate - 1)) < END
        moved = (gradient + (1 << (rate - 1))) >> rate
        assert last.fine[0, column] == min(max(moved, -(MOST_WEIGHT << FINE)), MOST_WEIGHT << FINE)


def test_the_widest_step() -> None:
    assert WIDEST_STEP == 342
    assert 1024 * MOST_ACTIVE * WIDEST_STEP + (1 << 29) < END


def test_distances_in_tables() -> None:
    """Of any value of 16 bits, and of the furthest edge of the widest class it may be in, from any centre."""
    widest = 1 << (HIGHEST_SCALE >> 2) + (MOST_SPREAD >> 3) - 5
    assert (16 * (65535 + widest) + 16) * int(STEEP.max()) < END


@pytest.mark.parametrize("location", [-(1 << 30), -MOST_LOCATION, MOST_LOCATION, 1 << 30])
@pytest.mark.parametrize("predicted", [0, 16 * 65535])
def test_centres(location: int, predicted: int) -> None:
    outputs = np.array([[location], [1 << 30], [-(1 << 30)]], np.int32)
    for scale in range(HIGHEST_SCALE + 1):
        found = parameters(outputs, np.array([predicted], np.int32), np.array([scale], np.int32), 65535)
        clipped = min(max(location, -MOST_LOCATION), MOST_LOCATION)
        moved = (((clipped * (2 * (scale & 3) + 9)) << (scale >> 2)) + 128) >> 8
        assert abs((clipped * 15) << (scale >> 2)) + 128 < END
        assert found.centre.tolist() == [min(max(predicted + moved, 0), 16 * 65535)]
        assert found.shift.tolist() == [(scale >> 2) + (MOST_SPREAD >> 3)]
        assert found.shape.tolist() == [0]


@pytest.mark.parametrize("sign", [-1, 1])
def test_linear_sums(sign: int) -> None:
    geometry = Geometry(1, 2)
    plane = geometry.plane_of(np.array([[0, 0]], np.int32))
    plane.reshape(-1)[:] = sign * 98302  # further than what a damaged tile can hold
    place = np.array([geometry.at(0)[0]], np.int32)
    plane.reshape(-1)[place + geometry.offset(-1, 0)] = 0
    weights = np.full(len(linear.AROUND), 65535 // 25, np.int32)
    weights[0] += 65535 - int(weights.sum())
    linear.checked(weights, across=False)
    left, terms = linear.terms(geometry, plane, None, place)
    assert np.abs(terms).max() == 32767
    total = sum(int(term) * int(weight) for term, weight in zip(terms[0], weights, strict=True)) + 128
    assert total == sign * 32767 * 65535 + 128
    assert abs(total) < END
    found = linear.predict(geometry, plane, None, place, weights, 65535)
    assert found.tolist() == [min(max(16 * int(left[0]) + (total >> 8), 0), 16 * 65535)]


def test_the_shipped_model_needs_no_clip() -> None:
    last = model.load().network.layers[2]
    assert int(np.abs(last.biases.astype(np.int64)).max()) << (FINE - 8) < MOST_WEIGHT << FINE
