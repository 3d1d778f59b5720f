"""The normative coder of a plane's coefficients, in plain NumPy integers. Whatever else codes them must equal it."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import context, decisions, head, rate
from medarchive.codecs.autoencoder.context import MARGIN, PASSES, Canvas
from medarchive.codecs.autoencoder.decisions import Decisions
from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.rans import Decoder, encode
from medarchive.codecs.autoencoder.wavelet import ALL

__all__ = ["Reference"]

Ints = NDArray[np.int32]
Kind = TypeVar("Kind", bound=np.generic)
Quantised = Pyramid[np.int32]


class Reference:
    """Codes coefficients with a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def encode(self, pyramid: Quantised) -> bytes:
        """Encode the coefficients of a plane, each of at most ``decisions.MOST_SIZE``."""
        out = Decisions()
        activities = head.put(out, pyramid)
        for walk in _passes(pyramid, activities):
            values = walk.values.reshape(-1)
            chances = decisions.chances(walk.logits(self._model), self._model.chances)
            for value, each in zip(values.tolist(), chances.T.tolist(), strict=True):
                out.coefficient(value, each)
            walk.show()
        return encode(out.answers, out.chances)

    def decode(self, data: bytes, pyramid: Quantised) -> None:
        """Decode into a pyramid of zeros.

        Raises:
            CorruptStream: the bytes are no such coefficients.
        """
        decoder = Decoder(data)
        activities = head.take(decoder, pyramid)
        for walk in _passes(pyramid, activities):
            chances = decisions.chances(walk.logits(self._model), self._model.chances)
            found = [decisions.decode(decoder, each) for each in chances.T.tolist()]
            walk.values[...] = np.array(found, np.int32).reshape(walk.values.shape)
            walk.show()
        decoder.finish()

    def quantise(
        self, pyramid: Quantised, scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """Quantise again, each coefficient as the best bargain in the light of those before it. No decoder knows of it.

        Args:
            pyramid: quantised anyhow, which says how much there is in each band; it is written.
            scaled: the coefficients in steps, in the order of the pyramid.
            price: see ``rate.chosen``.
            inward: see there.
            levels: which to quantise; coarser ones stay as they are, finer ones too, and are not seen.
        """
        exact, table = Pyramid.of(pyramid.shape, scaled), rate.costs(self._model.chances)
        for walk in _passes(pyramid, head.activities(pyramid)):
            if walk.level not in levels:
                walk.show()
                continue
            wanted = walk.part_of(exact.levels)
            found = rate.chosen(wanted.reshape(-1), walk.logits(self._model), table, price, inward)
            walk.values[...] = found.reshape(wanted.shape)
            walk.show()


class _Pass:
    """One pass over a band."""

    def __init__(
        self, pyramid: Quantised, canvases: list[Canvas], activities: Ints, level: int, band: int, number: int
    ) -> None:
        self.level, self.band, self.number = level, band, number
        self.values = self.part_of(pyramid.levels)
        self._shape = pyramid.levels[level][band].shape
        self._canvas = canvases[level]
        self._parent = canvases[level + 1] if level + 1 < len(canvases) else None
        self._constants = context.constants(activities, level, band)

    def part_of(self, levels: Sequence[Sequence[NDArray[Kind]]]) -> NDArray[Kind]:
        """A view of its coefficients."""
        row, column = PASSES[self.number]
        return levels[self.level][self.band][row::2, column::2]

    def logits(self, model: Model) -> Ints:
        seen = context.features(self._canvas, self._parent, self._shape, self.band, self.number, self._constants)
        return model.networks[4 * self.band + self.number].logits(seen)

    def show(self) -> None:
        """Let later passes see its values."""
        row, column = PASSES[self.number]
        rows, columns = self._shape
        band = self._canvas.signed[self.band, MARGIN : MARGIN + rows, MARGIN : MARGIN + columns]
        band[row::2, column::2] = context.companded(self.values)


def _passes(pyramid: Quantised, activities: Ints) -> Iterator[_Pass]:
    """All passes in order, except over bands that are empty."""
    canvases = [Canvas.empty(level[0].shape[0], level[1].shape[1]) for level in pyramid.levels]
    for level, band, number in product(range(len(canvases) - 1, -1, -1), range(3), range(4)):
        if activities[level, band] and 0 not in context.sites(pyramid.levels[level][band].shape, number):
            yield _Pass(pyramid, canvases, activities, level, band, number)
