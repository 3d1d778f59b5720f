"""Least squares: the kernel's against NumPy's, and what the kernel refuses."""

import importlib
from typing import Any

import numpy as np
import pytest

from medarchive.codecs.predictive import linear, solver, squares
from medarchive.codecs.predictive import native as native_of_tiles
from medarchive.codecs.predictive.native import instruction_sets
from medarchive.codecs.predictive.planes import Geometry

needs_kernel = pytest.mark.skipif(not instruction_sets(), reason="the kernel was not built: no C compiler")
SETS = instruction_sets()


@pytest.fixture
def native() -> Any:
    return importlib.import_module("medarchive.codecs.predictive._native")


def table(samples: int, terms: int) -> np.ndarray:
    random = np.random.default_rng(samples + terms)
    return random.integers(-3000, 3000, (samples, 1 + terms)).astype(np.float32)


@needs_kernel
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("samples", [0, 1, 17, 255, 256, 257, 3000])
@pytest.mark.parametrize("terms", [1, 15, 16, 25, 38])
def test_the_kernel_equals_numpy(native: Any, name: str, samples: int, terms: int) -> None:
    given = table(samples, terms)
    weight = np.random.default_rng(1).random(samples).astype(np.float32)
    for used in {1, terms // 2 + 1, terms}:
        found, columns = np.empty((1 + used, 1 + used), np.float64), given[:, : 1 + used].astype(np.float64)
        native.normal(name, samples, 1 + terms, 1 + used, given, weight, found)
        expected = (columns * weight[:, np.newaxis]).T @ columns
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-5 * (1 + np.abs(expected).max()))
        assert np.array_equal(found, found.T)
        weights = np.linspace(-1, 1, used).astype(np.float32)
        missed = np.empty(samples, np.float32)
        native.missed(name, samples, 1 + terms, 1 + used, given, weights, missed)
        assert np.allclose(missed, columns[:, 0] - columns[:, 1:] @ weights, rtol=1e-4, atol=0.05)


@needs_kernel
def test_every_instruction_set_finds_the_same_floats(native: Any) -> None:
    """So that a stream does not depend on the machine that made it."""
    given, weight, found = table(1000, 38), np.linspace(0, 1, 1000, dtype=np.float32), []
    for name in SETS:
        normal, missed = np.empty((39, 39), np.float64), np.empty(1000, np.float32)
        native.normal(name, 1000, 39, 39, given, weight, normal)
        native.missed(name, 1000, 39, 39, given, weight[:38], missed)
        found.append(normal.tobytes() + missed.tobytes())
    assert len(set(found)) == 1


@needs_kernel
def test_wrong_buffers_are_refused(native: Any) -> None:
    given, weight, result = table(10, 5), np.ones(10, np.float32), np.empty((6, 6), np.float64)
    native.normal("portable", 10, 6, 6, given, weight, result)
    read_only = result.copy()
    read_only.flags.writeable = False
    for arguments in (
        ("portable", 11, 6, 6, given, weight, result),
        ("portable", -1, 6, 6, given, weight, result),
        ("portable", 1 << 40, 6, 6, given, weight, result),
        ("portable", 10, 7, 6, given, weight, result),
        ("portable", 10, 6, 7, given, weight, result),
        ("portable", 10, 6, 0, given, weight, result),
        ("portable", 10, 60, 6, given, weight, result),
        ("portable", 10, 6, 5, given, weight, result),
        ("portable", 10, 6, 6, given[:-1], weight, result),
        ("portable", 10, 6, 6, given, weight[:-1], result),
        ("portable", 10, 6, 6, given, weight.astype(np.float64), result),
        ("portable", 10, 6, 6, given, weight, result[:-1]),
        ("portable", 10, 6, 6, given.T, weight, result),
        ("portable", 10, 6, 6, given, weight, read_only),
        ("mmx", 10, 6, 6, given, weight, result),
    ):
        with pytest.raises((ValueError, BufferError)):
            native.normal(*arguments)
    missed, weights = np.empty(10, np.float32), np.ones(5, np.float32)
    native.missed("portable", 10, 6, 6, given, weights, missed)
    for others in (
        ("portable", 10, 6, 6, given, weights[:-1], missed),
        ("portable", 10, 6, 6, given, weights, missed[:-1]),
        ("portable", 10, 6, 5, given, weights, missed),
        ("portable", 9, 6, 6, given, weights, missed),
    ):
        with pytest.raises(ValueError, match="bytes"):
            native.missed(*others)


@pytest.mark.parametrize("across", [False, True])
def test_weights_with_and_without_the_kernel_agree(across: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    geometry, random = Geometry(60, 70), np.random.default_rng(2)
    planes = [
        geometry.plane_of((random.normal(0, 20, (60, 70)).cumsum(0).cumsum(1) + 9000).astype(np.int32))
        for _ in range(2)
    ]
    given = (geometry, planes[0], planes[1] if across else None, geometry.everywhere())
    found = solver.solve(*given)
    monkeypatch.setattr(squares, "instruction_sets", list)
    assert np.abs(found - solver.solve(*given)).max() <= 0.02 * linear.UNIT
    assert found.size == len(linear.AROUND) + across * len(linear.ACROSS)
    assert linear.checked(found, across=across) is found


@pytest.mark.parametrize("value", [0, 65535])
def test_what_nothing_tells_apart_gives_weights_that_a_decoder_takes(value: int) -> None:
    geometry = Geometry(3, 2)
    plane = geometry.plane_of(np.full((3, 2), value, np.int32))
    linear.checked(solver.solve(geometry, plane, plane, geometry.everywhere()), across=True)
    linear.checked(linear.rounded(np.full(25, np.nan, np.float32)), across=False)
    linear.checked(linear.rounded(np.full(25, 1e9, np.float32)), across=False)


@needs_kernel
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (7, 2), (12, 40)], ids=str)
@pytest.mark.parametrize("across", [False, True])
def test_planes_and_tables_of_the_kernel_equal_numpy(
    shape: tuple[int, int], across: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry, random = Geometry(*shape), np.random.default_rng(shape[0])
    tiles = [random.integers(0, 65536, shape).astype(np.int32) for _ in range(2)]
    planes = [geometry.plane_of(tile) for tile in tiles]
    for tile, plane in zip(tiles, planes, strict=True):
        assert np.array_equal(native_of_tiles.plane_of(geometry, tile), plane)
        turned = np.asfortranarray(tile)
        assert np.array_equal(native_of_tiles.plane_of(geometry, turned), plane)
    given = (geometry, planes[0], planes[1] if across else None, geometry.everywhere()[::2])
    found = []
    for name in SETS:
        monkeypatch.setattr(squares, "instruction_sets", lambda name=name: [name])
        found.append(squares.table(*given))
    monkeypatch.setattr(squares, "instruction_sets", list)
    for one in found:
        assert np.array_equal(one, squares.table(*given))


@needs_kernel
def test_values_that_occur(native: Any) -> None:
    values = np.array([[3, 0], [7, 3]], np.int32)
    assert np.flatnonzero(native_of_tiles.occurring(values, 9)).tolist() == [0, 3, 7]
    for bad in (values - 1, values + 2, values * 1000):
        with pytest.raises(ValueError, match="beyond"):
            native_of_tiles.occurring(bad, 9)


@needs_kernel
def test_places_outside_of_a_plane_are_refused(native: Any) -> None:
    plane, places = np.arange(50, dtype=np.int32), np.array([10, 20], np.int32)
    offsets, room = np.array([-1, -10, 5], np.int32), np.zeros((2, 3), np.float32)
    native.gather("portable", plane, plane, places, offsets, 1, room)
    assert room.tolist() == [[1, -9, 6], [1, -9, 6]]
    for arguments in (
        (plane, plane, places - 1, offsets, 1, room),
        (plane, plane, places + 25, offsets, 1, room),
        (plane, plane[:-1], places, offsets, 1, room),
        (plane, None, places, offsets, 1, room),
        (plane, plane, places, offsets, 3, room),
        (plane, plane, places, offsets, -1, room),
        (plane, plane, places, offsets, 1, room[:1]),
        (plane, plane, places, offsets[:0], 0, room[:0]),
        (plane[::2], plane, places, offsets, 1, room),
    ):
        with pytest.raises((ValueError, BufferError)):
            native.gather("portable", *arguments)
    with pytest.raises(ValueError, match="tile"):
        native.plane(2, 3, np.zeros(5, np.int32), Geometry(2, 3).new())
    with pytest.raises(ValueError, match="plane"):
        native.plane(2, 3, np.zeros(6, np.int32), Geometry(3, 3).new())
    with pytest.raises(ValueError, match="0 x 3"):
        native.plane(0, 3, np.zeros(6, np.int32), Geometry(2, 3).new())
