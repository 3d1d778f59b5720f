"""Fuzzes what reads foreign bytes for the codec "autoencoder". A tool, no part of the suite: see CONTRIBUTING.md.

python tests/fuzz/fuzz_autoencoder.py [FOLDER] [options of libFuzzer, for example -max_total_time=600]

The first byte of an input says what it is for. Whatever the bytes, there comes an image or a MedarchiveError; the
kernel makes of coefficients what the normative coder makes of them, with each instruction set; and its transform finds
the same integers.
"""

import io
import struct
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["medarchive"]):
    import numpy as np

    import medarchive
    from medarchive.codecs import registry
    from medarchive.codecs.autoencoder import wavelet
    from medarchive.codecs.autoencoder.backend import Coder
    from medarchive.codecs.autoencoder.codec import Autoencoder
    from medarchive.codecs.autoencoder.model import Model, load
    from medarchive.codecs.autoencoder.native import Native, analysed, instruction_sets, synthesised
    from medarchive.codecs.autoencoder.pyramid import Pyramid
    from medarchive.codecs.autoencoder.reference import Reference
    from medarchive.codecs.container import Container, Writer
    from medarchive.codecs.limits import checked_shape
    from medarchive.codecs.spec import ImageSpec
    from medarchive.codecs.wire import Reader
    from medarchive.errors import CorruptStream, MedarchiveError
    from medarchive.image import Image

MODEL = load()
CODEC = Autoencoder()
CODERS: list[Coder] = [Reference(MODEL), *(Native(MODEL, name) for name in instruction_sets())]
MOST_VALUES = 1 << 18  # a larger image is not wrong, it only takes long


class Undrawn(Autoencoder):
    """As images have it that are no drawings; small ones may all be some."""

    def _smaller(self, stream: bytes, image: Image, effort: int, worth: float) -> bytes:
        return stream


def small(data: bytes) -> bool:
    """Whether the spec in front claims an image that is decoded in no time."""
    spec = ImageSpec.read(Reader(data))
    return int(np.prod(checked_shape(spec.frames, spec.rows, spec.columns, spec.samples))) <= MOST_VALUES


def decode_stream(data: bytes) -> None:
    if not small(data):
        return
    for read in (CODEC.decode, CODEC.preview):
        try:
            found = read(MODEL.identity + data)
        except MedarchiveError:
            continue
        try:
            found.check_range()
        except MedarchiveError as error:
            raise AssertionError("pixels that their bits do not allow") from error


def decode_container(data: bytes) -> None:
    medarchive.decode(data)


def decode_contained(data: bytes) -> None:
    """A stream in a container that was made for it: all but the hashes of its pixels fit."""
    if not small(data):
        return
    spec, out = ImageSpec.read(Reader(data)), io.BytesIO()
    writer = Writer(out, registry.get("autoencoder"))
    writer.add(MODEL.identity + data, bytes(16 * spec.frames))
    writer.end_entry(spec)
    writer.close()
    medarchive.preview(out.getvalue())
    Container.open(lambda at, length: out.getvalue()[at : at + length], out.tell()).frames(0, 0, spec.frames)


def read_model(data: bytes) -> None:
    Model.read(data)


def decode_coefficients(data: bytes) -> None:
    if len(data) < 2:
        return
    shape, coded = (1 + data[0] % 40, 1 + data[1] % 70), data[2:]
    outcomes = []
    for coder in CODERS:
        pyramid = Pyramid.zeros(shape)
        try:
            coder.decode(coded, pyramid)
            outcomes.append(pyramid.flat.tobytes())
        except CorruptStream as fault:
            outcomes.append(str(fault).encode())
    assert len(set(outcomes)) == 1, outcomes


def encode_coefficients(data: bytes) -> None:
    """Any numbers up to the limits are coded alike, and come back."""
    if len(data) < 3:
        return
    shape = (1 + data[0] % 20, 1 + data[1] % 40)
    numbers = np.frombuffer(data[2:] + bytes(-len(data[2:]) % 4), "<i4") >> 1
    pyramid = Pyramid.of(shape, np.resize(numbers, shape[0] * shape[1]).astype(np.int32))
    pyramid.low[...] >>= 1
    streams = {coder.encode(pyramid) for coder in CODERS}
    assert len(streams) == 1
    back = Pyramid.zeros(shape)
    CODERS[-1].decode(streams.pop(), back)
    assert np.array_equal(back.flat, pyramid.flat)


def transform(data: bytes) -> None:
    if len(data) < 3 or not instruction_sets():
        return
    shape = (1 + data[0] % 20, 1 + data[1] % 40)
    numbers = np.frombuffer(data[2:] + bytes(-len(data[2:]) % 8), "<i8")
    plane = np.resize(numbers, shape).astype(np.int64)
    assert np.array_equal(analysed(plane), Pyramid.joined(shape, wavelet.analysed(plane)).flat)
    wild = Pyramid.of(shape, plane.reshape(-1))
    assert np.array_equal(synthesised(wild.flat, *shape), wavelet.synthesised(wavelet.Bands(wild.low, wild.levels)))


TARGETS = [
    decode_stream,
    decode_contained,
    decode_container,
    read_model,
    decode_coefficients,
    encode_coefficients,
    transform,
]


def one_input(data: bytes) -> None:
    if data:
        try:
            TARGETS[data[0] % len(TARGETS)](data[1:])
        except MedarchiveError:
            return


def seeds() -> list[bytes]:
    """Streams of every kind, containers, coefficients, the model."""
    y, x = np.mgrid[:9, :14]
    plane = (x * 37 + y * 11 + (x * y) % 7) % 4096
    images = [
        Image(plane.astype(np.uint16)[np.newaxis, ..., np.newaxis], 12),
        Image((plane // 9 * 9 - 2000).astype(np.int16)[np.newaxis, ..., np.newaxis], 13),
        Image((plane[..., np.newaxis] % [9, 200, 4]).astype(np.uint8)[np.newaxis], 8),
        Image(np.where(plane > 300, 5, 0).astype(np.uint8)[np.newaxis, ..., np.newaxis], 8),
        Image(np.full((1, 3, 3, 1), 7, np.uint8), 8),
        Image(np.tile(plane[:3, :3] * 9, (9, 9)).astype(np.uint16)[np.newaxis, ..., np.newaxis], 16),
    ]
    streams = [codec.encode(image) for image in images for codec in (CODEC, Undrawn())]
    streams += [Undrawn().encode_lossy(image, quality=quality) for image in images for quality in (5, 60, 100)]
    found = [bytes([target]) + stream[len(MODEL.identity) :] for stream in streams for target in (0, 1)]
    array = plane.astype(np.uint16)
    found.append(bytes([2]) + medarchive.encode(array, codec="autoencoder", quality=50))
    found.append(bytes([2]) + medarchive.encode(array, codec="autoencoder", max_error=1))
    found.append(bytes([3]) + Model.write(MODEL.networks, MODEL.chances)[:4000])
    for seed in range(6):
        random = np.random.default_rng(seed)
        shape = (1 + 5 * seed, 3 + 9 * seed)
        numbers = np.rint(random.laplace(0, 0.3 * 4**seed, shape[0] * shape[1])).astype(np.int32)
        place = struct.pack("<BB", shape[0] - 1, shape[1] - 1)
        found.append(bytes([4]) + place + CODERS[-1].encode(Pyramid.of(shape, numbers)))
        found.append(bytes([5]) + place + (2 * numbers).astype("<i4").tobytes()[:800])
        found.append(bytes([6]) + place + numbers.astype("<i8").tobytes()[:800])
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, "-max_len=4096", "-timeout=30", "-rss_limit_mb=2048", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
