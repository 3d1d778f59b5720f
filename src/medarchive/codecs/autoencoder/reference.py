"""The normative coder of a plane's coefficients, in plain NumPy integers. Whatever else codes them must equal it."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import context, decisions, head
from medarchive.codecs.autoencoder.context import MARGIN, PASSES, Canvas
from medarchive.codecs.autoencoder.decisions import Decisions
from medarchive.codecs.autoencoder.model import Model
from medarchive.codecs.autoencoder.network import OUTPUTS
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.rans import Decoder, encode

__all__ = ["Reference"]

Ints = NDArray[np.int32]


class Reference:
    """Codes coefficients with a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def encode(self, pyramid: Pyramid) -> bytes:
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

    def decode(self, data: bytes, pyramid: Pyramid) -> None:
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

    def logits(self, pyramid: Pyramid) -> Ints:
        """What is expected of each coefficient given those before it, (OUTPUTS, pixels), 0 in the low band."""
        found = np.zeros((OUTPUTS, pyramid.flat.size), np.int32)
        places = Pyramid.of(*pyramid.shape, np.arange(pyramid.flat.size, dtype=np.int32))
        activities = np.array([[context.activity(band) for band in level] for level in pyramid.levels], np.int32)
        for walk in _passes(pyramid, activities.reshape(-1, 3)):
            row, column = PASSES[walk.number]
            at = places.levels[walk.level][walk.band][row::2, column::2].reshape(-1)
            found[:, at] = walk.logits(self._model)
            walk.show()
        return found


class _Pass:
    """One pass over a band."""

    def __init__(
        self, pyramid: Pyramid, canvases: list[Canvas], activities: Ints, level: int, band: int, number: int
    ) -> None:
        row, column = PASSES[number]
        self.level, self.band, self.number = level, band, number
        self.values = pyramid.levels[level][band][row::2, column::2]
        self._shape = pyramid.levels[level][band].shape
        self._canvas = canvases[level]
        self._parent = canvases[level + 1] if level + 1 < len(canvases) else None
        self._constants = context.constants(activities, level, band)

    def logits(self, model: Model) -> Ints:
        seen = context.features(
            self._canvas, self._parent, self._shape, self.band, self.number, self._constants
        )
        return model.networks[4 * self.band + self.number].logits(seen)

    def show(self) -> None:
        """Let later passes see its values."""
        row, column = PASSES[self.number]
        rows, columns = self._shape
        band = self._canvas.signed[self.band, MARGIN : MARGIN + rows, MARGIN : MARGIN + columns]
        band[row::2, column::2] = context.companded(self.values)


def _passes(pyramid: Pyramid, activities: Ints) -> Iterator[_Pass]:
    """All passes in order, except over bands that are empty."""
    canvases = [Canvas.empty(level[0].shape[0], level[1].shape[1]) for level in pyramid.levels]
    for level, band, number in product(range(len(canvases) - 1, -1, -1), range(3), range(4)):
        if activities[level, band] and 0 not in context.sites(pyramid.levels[level][band].shape, number):
            yield _Pass(pyramid, canvases, activities, level, band, number)
