"""Flat blocks: which they are, what is said of them, and that they cost what they should."""

import numpy as np
import pytest

from medarchive.codecs.predictive import flat, linear
from medarchive.codecs.predictive.flat import BLOCK, Surprise
from medarchive.codecs.predictive.model import load
from medarchive.codecs.predictive.planes import Geometry
from medarchive.codecs.predictive.reference import Reference

SAME = [(-2, 0), (-1, 1), (0, 1), (1, 1), (2, 1), (0, 2)]


def test_a_block_is_so_where_all_its_pixels_are() -> None:
    for count in (1, 15, 16, 17, 40):
        for odd in range(count):
            of_pixels = np.arange(count) != odd
            of_blocks = flat.blocks(of_pixels)
            assert of_blocks.tolist() == [block != odd // BLOCK for block in range(-(-count // BLOCK))]
            assert flat.pixels(of_blocks, count).sum() == count - min(BLOCK, count - odd // BLOCK * BLOCK)


def test_a_place_is_flat_where_six_neighbours_equal_the_left_one() -> None:
    geometry = Geometry(9, 13)
    places, tile = geometry.everywhere(), np.full((9, 13), 5, np.int32)
    at = int(np.flatnonzero(places == (6 + 3 * 5 + 24) * geometry.stride + 5 + 4)[0])  # pixel (6, 5)
    assert flat.flat(geometry, geometry.plane_of(tile), places)[at]
    for y in range(9):
        for x in range(13):
            changed = tile.copy()
            changed[y, x] = 6
            near = (x - 6, 5 - y) in [*SAME, (-1, 0)]
            assert flat.flat(geometry, geometry.plane_of(changed), places)[at] == (not near)


@pytest.mark.parametrize("always", [False, True])
def test_the_chance_of_a_surprise_stays_inside(always: bool) -> None:
    surprise = Surprise()
    for _ in range(3000):
        for surprised in (False, True):
            start, count = surprise.interval(surprised)
            assert 0 <= start < start + count <= 1 << 16
        surprise.learn(always)
    assert surprise.chance == ((1 << 16) - 31 if always else 31)


def test_nothing_but_the_border_of_a_constant_tile_is_coded() -> None:
    """What is flat costs thousandths of a bit, and a surprise does not spoil what comes after it."""
    geometry, reference = Geometry(48, 200), Reference(load())
    weights = np.zeros(len(linear.AROUND), np.int32)
    tile = np.full((48, 200), 1000, np.int32)
    plain, _ = reference.encode(geometry.plane_of(tile), None, geometry, weights, 4095)
    tile[30, 100] = 7
    data, state = reference.encode(geometry.plane_of(tile), None, geometry, weights, 4095)
    assert len(plain) < 60
    assert len(plain) < len(data) < 140
    back = reference.decode(data, None, geometry, weights, 4095)
    assert np.array_equal(geometry.tile_of(back.values), tile)
    assert np.array_equal(back.fine, state.fine)
