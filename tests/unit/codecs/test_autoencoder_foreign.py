"""autoencoder: foreign bytes. They are refused, and cost nothing, or are an image."""

import tracemalloc

import numpy as np
import pytest

from contracts.pictures import framed, slice_like
from medarchive.codecs.autoencoder import Autoencoder, backend, model, plane
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CodecError, CorruptStream, LimitExceeded, UnknownCodec
from medarchive.image import Image

CODEC = Autoencoder()
LOSSY, BOUNDED, DRAWN = 0, 1, 2
SMALL = framed(slice_like(9, 11) % 700, 12)


class Undrawn(Autoencoder):
    """As images have it that are no drawings; small ones may all be some."""

    def _smaller(self, stream: bytes, image: Image, effort: int, worth: float) -> bytes:
        return stream


STREAMS = {
    LOSSY: Undrawn().encode_lossy(SMALL, quality=60),
    BOUNDED: Undrawn().encode(framed(slice_like(6, 7) % 700, 12)),
    DRAWN: CODEC.encode(framed(np.kron(np.arange(4).reshape(2, 2) * 60, np.ones((4, 4), int)).astype(np.uint8), 8)),
}


def at_kind(stream: bytes) -> int:
    """Where the kind stands."""
    return model.IDENTITY + len(ImageSpec.read(Reader(stream[model.IDENTITY :])).packed())


def harmless(data: bytes) -> None:
    """Its image has values that its bits allow, or there is none and an error that says so."""
    for read in (CODEC.decode, CODEC.preview):
        try:
            found = read(data)
        except CodecError:
            continue
        found.check_range()


@pytest.mark.parametrize("kind", STREAMS, ids=["lossy", "bounded", "drawn"])
class TestForeignBytes:
    def test_a_stream_that_is_cut_off(self, kind: int) -> None:
        stream = STREAMS[kind]
        assert stream[at_kind(stream)] == kind
        for length in range(len(stream)):
            with pytest.raises(CodecError):
                CODEC.decode(stream[:length])
        with pytest.raises(CodecError):
            CODEC.decode(stream + b"\0")

    def test_a_bit_flipped_anywhere(self, kind: int) -> None:
        stream = STREAMS[kind]
        for position in range(len(stream)):
            for bit in range(8):
                changed = bytearray(stream)
                changed[position] ^= 1 << bit
                if claimed(bytes(changed)) < 1 << 16:
                    harmless(bytes(changed))

    def test_another_kind(self, kind: int) -> None:
        stream = STREAMS[kind]
        at = at_kind(stream)
        for other in range(5):
            if other != kind:
                with pytest.raises(CodecError):
                    CODEC.decode(stream[:at] + bytes([other]) + stream[at + 1 :])

    def test_of_an_unknown_model(self, kind: int) -> None:
        with pytest.raises(UnknownCodec, match="00000000"):
            CODEC.decode(bytes(model.IDENTITY) + STREAMS[kind][model.IDENTITY :])


def claimed(data: bytes) -> int:
    """The values that a stream says it has."""
    try:
        spec = ImageSpec.read(Reader(data[model.IDENTITY :]))
    except CodecError:
        return 0
    return spec.frames * spec.rows * spec.columns * spec.samples


def numbers(*values: int) -> bytes:
    return b"".join(map(varint, values))


def spec(rows: int, columns: int, samples: int = 1, bits: int = 8, dtype: int = 0, frames: int = 1) -> bytes:
    return model.load().identity + numbers(frames, rows, columns, samples, bits, dtype, 4, dtype)


LATENTS = numbers(0, 255, 128, 64, 0)
ABSURD = {
    "rows": spec(1 << 40, 1) + b"\0",
    "a side": spec((1 << 18) + 1, 1) + b"\0",
    "pixels": spec(1 << 14, 1 << 14) + b"\0" + LATENTS,
    "pixels of all samples": spec(1 << 13, 1 << 13, 3) + b"\0" + LATENTS,
    "more samples": spec(4, 4, 5) + b"\0" + LATENTS,
    "frames": spec(4, 4, frames=2) + b"\0" + LATENTS,
    "bits": spec(4, 4, bits=17, dtype=2) + b"\0" + LATENTS,
    "latents that are not there": spec(1 << 13, 1 << 13) + b"\0" + LATENTS,
    "latents that are cut off": spec(1 << 13, 1 << 13) + b"\0" + LATENTS + numbers(1 << 29),
    "latents of gigabytes": spec(1 << 13, 1 << 13) + b"\0" + LATENTS + numbers(1 << 31),
    "a plane that is not there": spec(1 << 13, 1 << 13) + b"\1",
    "values beyond 16 bits": spec(4, 4, bits=16, dtype=1) + b"\0" + numbers(65535, 1, 0, 64, 0) + blob(bytes(4)),
    "a spread beyond 16 bits": spec(4, 4, bits=16, dtype=1) + b"\0" + numbers(0, 65536),
    "a middle beyond the spread": spec(4, 4) + b"\0" + numbers(0, 200, 201, 64, 0) + blob(b"\0\0\1\0"),
    "a step": spec(4, 4) + b"\0" + numbers(0, 200, 100, 641, 0) + blob(b"\0\0\1\0"),
    "points": spec(4, 4) + b"\0" + numbers(0, 200, 100, 64, 1 << 24) + blob(b"\0\0\1\0"),
    "values beyond the bits": spec(4, 4, bits=7) + b"\0" + numbers(128, 0),
    "a drawing of another shape": spec(4, 4) + b"\2" + STREAMS[DRAWN],
    "bytes behind the end": spec(4, 4) + b"\0" + numbers(7, 0, 0),
}


@pytest.mark.parametrize("name", ABSURD)
def test_what_is_absurd_is_refused_before_memory_is_taken(name: str) -> None:
    for read in (CODEC.decode, CODEC.preview):
        tracemalloc.start()
        try:
            with pytest.raises((CorruptStream, LimitExceeded, UnknownCodec)):
                read(ABSURD[name])
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


def test_a_plane_is_refused_where_its_values_are_no_plane() -> None:
    """Of 17 bits, for one; no encoder of ours makes such."""
    with pytest.raises(CorruptStream, match="16 bits"):
        plane.decode(Reader(numbers(60_000, 6_000)), 4, 4, backend.coder(model.load()))
