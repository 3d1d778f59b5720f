"""Nearest neighbours are the exact ones, however the vectors are cut."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medarchive.insight import similar
from medarchive.insight.similar import Neighbours, nearest


def unit(count: int, seed: int = 1, dimensions: int = 16) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_CHUNK", 7)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 50])
@pytest.mark.parametrize("n", [0, 1, 10, 100])
def test_the_same_as_looking_at_all(count: int, n: int) -> None:
    vectors, query = unit(count), unit(1, 2)[0]
    numbers, scores = nearest(vectors, query, n)
    assert numbers.tolist() == np.argsort(-(vectors @ query), kind="stable")[:n].tolist()
    np.testing.assert_allclose(scores, (vectors @ query)[numbers], atol=1e-6)


def test_equal_ones_come_in_their_order_and_only_those_that_count() -> None:
    vectors = np.repeat(unit(1), 20, axis=0)
    assert nearest(vectors, vectors[0], 5)[0].tolist() == [0, 1, 2, 3, 4]
    where = np.zeros(20, bool)
    where[[3, 11, 19]] = True
    assert nearest(vectors, vectors[0], 5, where)[0].tolist() == [3, 11, 19]


def test_a_memory_map_will_do(tmp_path: Path) -> None:
    vectors = unit(30)
    vectors.tofile(tmp_path / "vectors")
    mapped = np.memmap(tmp_path / "vectors", np.float32, "r", shape=(30, 16))
    assert nearest(mapped, vectors[4], 3)[0][0] == 4


def test_they_may_grow() -> None:
    vectors, query = unit(50), unit(1, 2)[0]
    neighbours = Neighbours(16)
    assert neighbours.search(query, 3) == []
    for first, last in ((0, 1), (1, 20), (20, 21), (21, 50)):
        numbers = range(first, last)
        neighbours.add([100 + n for n in numbers], [n % 2 for n in numbers], vectors[first:last])
    assert len(neighbours) == 50
    order = np.argsort(-(vectors @ query), kind="stable")
    assert [key for key, _ in neighbours.search(query, 9)] == [100 + n for n in order[:9]]
    assert [key for key, _ in neighbours.search(query, 9, 1)] == [100 + n for n in order if n % 2][:9]
    neighbours.clear()
    assert (len(neighbours), neighbours.search(query, 3)) == (0, [])
