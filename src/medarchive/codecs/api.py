"""The library's front door: arrays in, bytes out, and back."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medarchive.codecs import fidelity, lossy, rate, verified
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import Rescale
from medarchive.codecs.fidelity.report import worst_error
from medarchive.codecs.limits import MAX_DECODED_BYTES
from medarchive.codecs.spec import DTYPES, ImageSpec
from medarchive.errors import CorruptStream, LimitExceeded, UnsupportedImage
from medarchive.image import Image

__all__ = ["Inspection", "decode", "encode", "inspect", "preview"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an encoded array is, read from its index alone.

    Attributes:
        codec: by name.
        shape: of the array that ``decode`` returns.
        dtype: of that array.
        bits: significant bits of a value.
        max_error: what was allowed, in units of the values; 0 is lossless, or lossy where ``worst_error`` is not 0.
        worst_error: the largest error that was measured.
        bytes: of the encoded array.
        raw_bytes: of the array.
        ratio: raw bytes per encoded byte.
        stream_bytes: of each stream, in the order of the frames.
        report: the fidelity report, empty where nothing was lost.
    """

    codec: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    max_error: int
    worst_error: int
    bytes: int
    raw_bytes: int
    ratio: float
    stream_bytes: tuple[int, ...]
    report: str


def encode(
    array: ArrayLike,
    *,
    codec: str | Sequence[str] | None = None,
    bits: int | None = None,
    max_error: int = 0,
    quality: float | None = None,
    profile: str | None = None,
    rescale: Rescale | tuple[float, float] = (1.0, 0.0),
    effort: int | None = None,
) -> bytes:
    """Encode an array of pixels; the result is decoded and compared before it is returned.

    Nothing is lost unless one of ``max_error``, ``quality`` and ``profile`` says so; one at most can be given.

    Args:
        array: integers of shape (rows, columns), (frames, rows, columns) or (frames, rows, columns, samples); of any
            integer dtype or bool, as long as the values fit 32 bits.
        codec: a name that ``medarchive.codecs()`` lists, several to try in turn, or None for the smallest result.
        bits: significant bits of a value, 1 to 32; None takes as many as the values need.
        max_error: 0 is lossless; with n no value is off by more than n.
        quality: lossy, 1 (small) to 100 (close to the original), any number between; the codec is "autoencoder".
        profile: lossy or near-lossless, as small as the fidelity profile of this name lets it be; lossless where
            nothing else passes.
        rescale: slope and intercept from the array's values to the unit that the profile speaks of, such as HU; or a
            ``Rescale``, which names its own unit.
        effort: 1 (quick) to 9 (small); None takes 7.

    Raises:
        UnsupportedImage: the array's dtype, shape or values cannot be encoded; the message says what to do.
        UnknownCodec: no such codec here.
        SettingsError: no such fidelity profile.
        CodecError: the codec's result did not pass the comparison.

    Example:
        >>> import medarchive, numpy as np
        >>> slices = np.arange(2 * 64 * 64, dtype=np.int16).reshape(2, 64, 64) % 1000
        >>> data = medarchive.encode(slices)
        >>> bool(np.array_equal(medarchive.decode(data), slices))
        True
    """
    given = np.asarray(array)
    image = _image(given, bits)
    effort = DEFAULT_EFFORT if effort is None else effort
    if not 1 <= effort <= 9:
        raise UnsupportedImage(f"effort = {effort}: expected 1 (quick) to 9 (small)")
    names = verified.DEFAULT_CODECS if codec is None else (codec,) if isinstance(codec, str) else tuple(codec)
    spec = ImageSpec.of(image, len(image), rank=given.ndim, array_dtype=given.dtype)
    if (max_error != 0) + (quality is not None) + (profile is not None) > 1:
        raise UnsupportedImage("max_error, quality and profile exclude each other; give one")
    if quality is not None:
        name = _one(codec, "quality")
        return lossy.encode(image, quality=quality, codec=name, effort=effort, workers=_threads(), spec=spec)
    if profile is not None:
        _one(codec, "profile")
        wanted = fidelity.profile(profile)
        scale = rescale if isinstance(rescale, Rescale) else Rescale(*rescale, wanted.unit)
        return rate.smallest(image, wanted, rescale=scale, effort=effort, workers=_threads(), spec=spec).container
    out = io.BytesIO()
    verified.encode([image], out, codecs=names, max_error=max_error, effort=effort, workers=_threads(), specs=[spec])
    return out.getvalue()


def decode(data: bytes, *, max_bytes: int = MAX_DECODED_BYTES) -> NDArray[np.generic]:
    """Decode what ``encode`` returned: an array of the same shape and dtype.

    Args:
        data: an encoded array.
        max_bytes: the largest array to make, in bytes.

    Raises:
        CorruptStream: the bytes are no encoded array, or were changed since.
        LimitExceeded: the array would be larger than ``max_bytes``.
        UnknownCodec: it was encoded with a codec that is not here.
    """
    return _decoded(data, max_bytes, preview=False)


def preview(data: bytes, *, max_bytes: int = MAX_DECODED_BYTES) -> NDArray[np.generic]:
    """What ``decode`` returns, or sooner something close to it where the stream has a preview in front.

    Streams of the codec "autoencoder" that were encoded without loss or within a bound have one; its pixels are proven
    by nothing but the stream's checksum.

    Args:
        data: an encoded array.
        max_bytes: the largest array to make, in bytes.

    Raises:
        CorruptStream: the bytes are no encoded array, or were changed since.
        LimitExceeded: the array would be larger than ``max_bytes``.
        UnknownCodec: it was encoded with a codec that is not here.
    """
    return _decoded(data, max_bytes, preview=True)


def inspect(data: bytes) -> Inspection:
    """What an encoded array is, without decoding it.

    Raises:
        CorruptStream: the bytes are no encoded array.
    """
    container = _opened(data)
    entry = container.entries[0]
    return Inspection(
        codec=container.codec,
        shape=_shape(entry.spec),
        dtype=str(entry.spec.array_dtype),
        bits=entry.spec.bits,
        max_error=container.max_error,
        worst_error=worst_error(entry.report),
        bytes=len(data),
        raw_bytes=entry.spec.nbytes,
        ratio=entry.spec.nbytes / len(data),
        stream_bytes=tuple(stream.length for stream in entry.streams),
        report=entry.report.decode("ascii", "replace"),
    )


def _decoded(data: bytes, max_bytes: int, *, preview: bool) -> NDArray[np.generic]:
    container = _opened(data)
    spec = container.entries[0].spec
    if spec.nbytes > max_bytes:
        raise LimitExceeded(
            f"an array of {spec.nbytes} bytes, more than max_bytes = {max_bytes}; raise it if you mean it"
        )
    array = np.empty(_shape(spec), spec.array_dtype)
    frames = array.reshape(spec.frames, spec.rows, spec.columns, spec.samples)

    def read(start: int) -> None:
        stop = min(start + container.group, spec.frames)
        frames[start:stop] = (container.preview if preview else container.frames)(0, start, stop).pixels

    with ThreadPoolExecutor(_threads(), thread_name_prefix="medarchive-decode") as pool:
        for done in [pool.submit(read, start) for start in range(0, spec.frames, container.group)]:
            done.result()
    return array


def _one(codec: str | Sequence[str] | None, what: str) -> str:
    """The codec to lose with.

    Raises:
        UnsupportedImage: several were named, or one that cannot.
    """
    names = [lossy.DEFAULT_CODEC] if codec is None else [codec] if isinstance(codec, str) else list(codec)
    if names != [lossy.DEFAULT_CODEC]:
        raise UnsupportedImage(f"codec = {codec!r} with {what}: only {lossy.DEFAULT_CODEC} has a lossy mode")
    return names[0]


def _threads() -> int:
    """As many as there are cores for us: codecs let go of the interpreter's lock."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _opened(data: bytes) -> Container:
    container = Container.of(data)
    if len(container.entries) != 1:
        raise CorruptStream(f"a container of {len(container.entries)} images; an encoded array holds one")
    return container


def _shape(spec: ImageSpec) -> tuple[int, ...]:
    whole = (spec.frames, spec.rows, spec.columns, spec.samples)
    return whole[1:3] if spec.rank == 2 else whole[: spec.rank]


def _image(array: NDArray[np.generic], bits: int | None) -> Image:
    """The array as an Image of the narrowest dtype that its bits allow."""
    if array.dtype.newbyteorder("=") not in DTYPES:
        raise UnsupportedImage(f"values of {array.dtype}: expected integers; round and scale others to integers first")
    if array.ndim not in (2, 3, 4) or array.size == 0:
        raise UnsupportedImage(
            f"shape {array.shape}: expected (rows, columns), (frames, rows, columns) or "
            "(frames, rows, columns, samples), none of them empty"
        )
    signed = array.dtype.kind == "i"
    low, high = int(array.min()), int(array.max())
    needed = max(*((value if value >= 0 else ~value).bit_length() + signed for value in (low, high)), 1)
    if needed > 32:
        raise UnsupportedImage(f"values {low} to {high} need {needed} bits; at most 32 can be encoded")
    bits = needed if bits is None else bits
    if not needed <= bits <= 32:
        raise UnsupportedImage(f"values {low} to {high} need {needed} bits; bits = {bits}: expected {needed} to 32")
    width = 1 if bits <= 8 else 2 if bits <= 16 else 4
    narrow = array.astype(f"{'i' if signed else 'u'}{width}", copy=False)
    leading = (1,) if narrow.ndim == 2 else ()
    trailing = () if narrow.ndim == 4 else (1,)
    return Image(np.ascontiguousarray(narrow).reshape(*leading, *narrow.shape, *trailing), bits)
