"""The codec "autoencoder": latents of a wavelet transform, coded by a learned model; and on request what they miss.

A stream is of one of three kinds: lossy (latents alone), bounded (latents, and behind them the image in their light,
exactly) or drawn (the stream of the codec "predictive", where a picture without noise is smaller that way).
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import learned, model, plane
from medarchive.codecs.autoencoder.backend import Coder, coder, remark
from medarchive.codecs.autoencoder.native import instruction_sets
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.limits import checked_shape
from medarchive.codecs.predictive import Predictive, given
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader
from medarchive.errors import CorruptStream, LimitExceeded, UnsupportedImage
from medarchive.image import Image

__all__ = ["MOST_QUALITY", "Autoencoder"]

Values = NDArray[np.int64]

_LOSSY, _BOUNDED, _DRAWN = 0, 1, 2
LEAST_QUALITY, MOST_QUALITY = 1.0, 100.0
_PREVIEW = 20.0
"""The quality of a bounded stream's latents."""
_PREVIEW_WORTH = 0.5
"""A drawing has no preview: it has to save half of a bounded stream."""
_LIFTED_FROM = 3
"""The effort from which the transform is the learned one, where nobody chose."""
_MOST_PIXELS = 1 << 27
_MOST_SAMPLES = 4
_DRAWN_VALUES = 64
"""A picture of no more different values may be a drawing."""


class Autoencoder:
    """1 to 16 bits, up to 4 samples, frame by frame, each sample by itself."""

    name = "autoencoder"
    group = 1

    def __init__(self, *, lifted: bool | None = None) -> None:
        """Choose a transform to encode with; any is decoded.

        Args:
            lifted: the learned one, or CDF 9/7; None takes the learned one from effort 3 on.
        """
        self._lifted = lifted

    @property
    def quick(self) -> bool:
        """Whether the C kernel was built."""
        return bool(instruction_sets())

    @property
    def remark(self) -> str:
        """Who codes here."""
        return remark()

    def accepts(self, image: Image) -> bool:
        """Images of up to 16 bits and 4 samples."""
        size, samples = image.pixels[:1].size, image.pixels.shape[3]
        return image.bits <= 16 and 0 < size <= _MOST_PIXELS and samples <= _MOST_SAMPLES

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        """A bounded stream, see Codec.encode; the container's quantiser in front of it makes its bound."""
        if max_error:
            raise UnsupportedImage("autoencoder is exact here; the container quantises in front of it")
        head = self._head(image, _BOUNDED)
        used = coder(model.load())
        parts = []
        for values in _planes(image):
            parts.append(
                plane.encode(values, plane.step_of(values, _PREVIEW), used, _passes(effort), self._transform(effort))
            )
            known = plane.decode(Reader(parts[-1]), values.shape[0], values.shape[1], used)
            if known.lowest < known.highest:
                above, spread = _ints(values, known.lowest), known.highest - known.lowest
                parts.append(given.encode(above, _ints(known.values, known.lowest), spread, effort))
        return self._smaller(head + b"".join(parts), image, effort, _PREVIEW_WORTH)

    def encode_lossy(self, image: Image, *, quality: float, effort: int = DEFAULT_EFFORT) -> bytes:
        """A lossy stream.

        Args:
            image: one frame.
            quality: 1 (small) to 100 (close to the original), any number between; see ``plane.step_of``.
            effort: 1 (quick) to 9 (small).

        Raises:
            UnsupportedImage: the codec cannot take this image, or there is no such quality.
        """
        if not LEAST_QUALITY <= quality <= MOST_QUALITY:
            raise UnsupportedImage(f"quality = {quality}: expected {LEAST_QUALITY:g} to {MOST_QUALITY:g}")
        head = self._head(image, _LOSSY)
        used = coder(model.load())
        stream = head + b"".join(
            plane.encode(values, plane.step_of(values, quality), used, _passes(effort), self._transform(effort))
            for values in _planes(image)
        )
        return self._smaller(stream, image, effort, 1.0)

    def decode(self, data: bytes) -> Image:
        """See Codec.decode."""
        return self._decoded(data, preview=False)

    def preview(self, data: bytes) -> Image:
        """What the latents alone show: of a bounded stream quickly something close, of others what ``decode`` gives.

        Raises:
            CorruptStream: the bytes are no such stream.
            LimitExceeded: they ask for an image beyond the decoder's caps.
        """
        return self._decoded(data, preview=True)

    def _transform(self, effort: int) -> learned.Learned | None:
        lifted = effort >= _LIFTED_FROM if self._lifted is None else self._lifted
        return learned.load() if lifted else None

    def _smaller(self, stream: bytes, image: Image, effort: int, worth: float) -> bytes:
        """The stream, or the one of a drawing where that is smaller than this share of it."""
        if not _drawing(image):
            return stream
        drawn = self._head(image, _DRAWN) + Predictive().encode(image, effort=effort)
        return drawn if len(drawn) < worth * len(stream) else stream

    def _head(self, image: Image, kind: int) -> bytes:
        if not self.accepts(image) or len(image) != 1:
            raise UnsupportedImage("autoencoder takes one frame of up to 16 bits and 4 samples, of moderate size")
        return model.load().identity + ImageSpec.of(image, 1).packed() + bytes([kind])

    def _decoded(self, data: bytes, *, preview: bool) -> Image:
        reader = Reader(data)
        used = coder(model.load(reader.take(model.IDENTITY)))
        spec = ImageSpec.read(reader)
        frames, rows, columns, samples = checked_shape(spec.frames, spec.rows, spec.columns, spec.samples)
        kind = reader.varint(_DRAWN)
        if spec.bits > 16 or frames != 1 or samples > _MOST_SAMPLES:
            raise CorruptStream("an autoencoder stream of more bits, frames or samples than there can be")
        if rows * columns * samples > _MOST_PIXELS:
            raise LimitExceeded(f"a frame of {rows} x {columns} x {samples} is beyond what is decoded")
        if kind == _DRAWN:
            image = Predictive().decode(reader.rest())
            if not spec.fits(image, 1):
                raise CorruptStream("a drawing of another shape than its stream says")
            return image
        planes = [
            _plane(reader, rows, columns, used, bounded=kind == _BOUNDED, preview=preview) for _ in range(samples)
        ]
        if reader.left:
            raise CorruptStream("bytes behind the end of an autoencoder stream")
        if max(int(values.max()) for values in planes) >= 1 << spec.bits:
            raise CorruptStream("an autoencoder stream whose values leave its bits")
        low = -(1 << spec.bits - 1) if spec.signed else 0
        found = [(values + low).astype(spec.dtype) for values in planes]
        return Image(np.stack(found, axis=-1)[np.newaxis], spec.bits)


def _plane(reader: Reader, rows: int, columns: int, used: Coder, *, bounded: bool, preview: bool) -> Values:
    known = plane.decode(reader, rows, columns, used)
    if not bounded or known.lowest == known.highest:
        return known.values
    if preview:
        given.skip(reader)
        return known.values
    above = given.decode(reader, _ints(known.values, known.lowest), known.highest - known.lowest)
    return above.astype(np.int64) + known.lowest


def _planes(image: Image) -> Iterator[Values]:
    """The samples of a frame, from 0 on."""
    low = -(1 << image.bits - 1) if image.signed else 0
    for frame, sample in product(range(len(image)), range(image.pixels.shape[3])):
        yield image.pixels[frame, :, :, sample].astype(np.int64) - low


def _ints(values: Values, lowest: int) -> NDArray[np.int32]:
    return (values - lowest).astype(np.int32)


def _passes(effort: int) -> int:
    """How often the quantiser looks at what coefficients cost."""
    return 0 if effort < 3 else 1 if effort < 7 else 2


def _drawing(image: Image) -> bool:
    """Whether a frame may be one: it has few different values."""
    some = image.pixels[0, ::4, ::4]
    return len(np.unique(some)) <= _DRAWN_VALUES
