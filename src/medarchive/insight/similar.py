"""Similar: exact nearest neighbours among embeddings, by cosine, in chunks that fit a processor's caches and memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Neighbours", "nearest"]

Vectors = NDArray[np.float32]
_CHUNK = 1 << 16
"""Vectors whose similarities are held at once."""


def nearest(
    vectors: Vectors, query: Vectors, n: int, where: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], Vectors]:
    """The vectors that are most similar to one, most similar first; of equal ones, the first first.

    Args:
        vectors: shape (count, dimensions), each of length 1; may be a memory map.
        query: shape (dimensions,), of length 1.
        n: how many at most.
        where: shape (count,), True for those that count; None: all.

    Returns:
        Their numbers, and their cosine similarities, -1 to 1.
    """
    best: list[tuple[NDArray[np.int64], Vectors]] = []
    for start in range(0, len(vectors), _CHUNK):
        scores = vectors[start : start + _CHUNK] @ query
        numbers = np.arange(start, start + len(scores))
        if where is not None:
            counted = where[start : start + _CHUNK]
            numbers, scores = numbers[counted], scores[counted]
        best.append(_top(numbers, scores, n))
    if not best:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    return _top(np.concatenate([numbers for numbers, _ in best]), np.concatenate([scores for _, scores in best]), n)


def _top(numbers: NDArray[np.int64], scores: Vectors, n: int) -> tuple[NDArray[np.int64], Vectors]:
    n = max(n, 0)
    if len(scores) > n:
        least = np.partition(scores, len(scores) - n)[len(scores) - n] if n else np.inf
        keep = scores >= least  # with all that are equal to the last: which of them come is decided below
        numbers, scores = numbers[keep], scores[keep]
    order = np.lexsort((numbers, -scores))[:n]
    return numbers[order], scores[order]


class Neighbours:
    """Vectors that grow in number, with a number and a kind each, in blocks of memory that never move."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._blocks: list[Vectors] = []
        self._keys: list[NDArray[np.int64]] = []
        self._kinds: list[NDArray[np.int64]] = []
        self._room = 0

    def __len__(self) -> int:
        """How many vectors there are."""
        return len(self._blocks) * _CHUNK - self._room

    def add(self, keys: Sequence[int], kinds: Sequence[int], vectors: Vectors) -> None:
        """Take some more.

        Args:
            keys: their numbers, ascending, above all that are here.
            kinds: what each is, for ``search``.
            vectors: shape (count, dimensions), each of length 1.
        """
        done = 0
        while done < len(keys):
            if not self._room:
                self._blocks.append(np.zeros((_CHUNK, self._dimensions), np.float32))
                self._keys.append(np.zeros(_CHUNK, np.int64))
                self._kinds.append(np.zeros(_CHUNK, np.int64))
                self._room = _CHUNK
            step = min(self._room, len(keys) - done)
            here, there = slice(_CHUNK - self._room, _CHUNK - self._room + step), slice(done, done + step)
            self._blocks[-1][here] = vectors[there]
            self._keys[-1][here], self._kinds[-1][here] = keys[there], kinds[there]
            self._room, done = self._room - step, done + step

    def search(self, query: Vectors, n: int, kind: int | None = None) -> list[tuple[int, float]]:
        """Keys and cosine similarities of the most similar ones, most similar first.

        Args:
            query: shape (dimensions,), of length 1.
            n: how many at most.
            kind: of this kind alone; None: of any.
        """
        keys, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for number, block in enumerate(self._blocks):
            used = _CHUNK - self._room if number == len(self._blocks) - 1 else _CHUNK
            where = None if kind is None else self._kinds[number][:used] == kind
            found, similar = nearest(block[:used], query, n, where)
            keys.append(self._keys[number][found])
            scores.append(similar)
        top, similar = _top(np.concatenate(keys), np.concatenate(scores), n)
        return [(int(key), float(score)) for key, score in zip(top, similar, strict=True)]
