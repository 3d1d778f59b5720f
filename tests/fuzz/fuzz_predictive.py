"""Fuzzes what reads foreign bytes for the codec "predictive". A tool, no part of the suite: see CONTRIBUTING.md.

python tests/fuzz/fuzz_predictive.py [FOLDER] [options of libFuzzer, for example -max_total_time=600]

The first byte of an input says what it is for. Whatever the bytes, there comes an image or a MedarchiveError; and the
kernel makes of a tile what the normative coder makes of it, with each instruction set.
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
    from medarchive.codecs.container import Container, Writer
    from medarchive.codecs.limits import checked_shape
    from medarchive.codecs.predictive import linear
    from medarchive.codecs.predictive.backend import Coder
    from medarchive.codecs.predictive.codec import Predictive
    from medarchive.codecs.predictive.model import Model, load
    from medarchive.codecs.predictive.native import Native, instruction_sets
    from medarchive.codecs.predictive.planes import Geometry
    from medarchive.codecs.predictive.reference import Reference, State
    from medarchive.codecs.spec import ImageSpec
    from medarchive.codecs.wire import Reader
    from medarchive.errors import CorruptStream, MedarchiveError
    from medarchive.image import Image

MODEL = load()
REFERENCE = Reference(MODEL)
CODERS: list[Coder] = [REFERENCE, *(Native(MODEL, name) for name in instruction_sets())]
MOST_VALUES = 1 << 18  # a larger image is not wrong, it only takes long


def small(data: bytes) -> bool:
    """Whether the spec in front claims an image that is decoded in no time."""
    spec = ImageSpec.read(Reader(data))
    return int(np.prod(checked_shape(spec.frames, spec.rows, spec.columns, spec.samples))) <= MOST_VALUES


def decode_stream(data: bytes) -> None:
    if small(data):
        found = Predictive().decode(MODEL.identity + data)
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
    writer = Writer(out, registry.get("predictive"))
    writer.add(MODEL.identity + data, bytes(16 * spec.frames))
    writer.end_entry(spec)
    writer.close()
    container = Container.open(lambda offset, length: out.getvalue()[offset : offset + length], out.tell())
    container.frames(0, 0, spec.frames)


def read_model(data: bytes) -> None:
    Model.read(data)


def wild(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    return np.resize(np.frombuffer(data + bytes(-len(data) % 4) or bytes(4), "<i4"), shape).astype(np.int32)


def decode_tile(data: bytes) -> None:
    if len(data) < 8:
        return
    rows, columns, highest, across, seed = struct.unpack_from("<BBHBB", data)
    geometry, coded = Geometry(1 + rows % 40, 1 + columns % 40), data[8:]
    random, before = np.random.default_rng(seed), None
    count = len(linear.AROUND) + (across % 2) * len(linear.ACROSS)
    weights = random.integers(-65535 // count, 65535 // count + 1, count).astype(np.int32)
    if across % 2:
        plain = REFERENCE.encode(geometry.new(), None, geometry, np.zeros(len(linear.AROUND), np.int32), highest)[1]
        before = State(wild(coded, geometry.shape), wild(coded[::-1], geometry.shape), plain.fine)
    outcomes = []
    for coder in CODERS:
        try:
            found = coder.decode(coded, before, geometry, weights, highest)
            outcomes.append(b"".join(part.tobytes() for part in (found.values, found.errors, found.fine)))
        except CorruptStream as fault:
            outcomes.append(str(fault).encode())
    assert len(set(outcomes)) == 1, outcomes


TARGETS = [decode_stream, decode_contained, decode_container, read_model, decode_tile]


def one_input(data: bytes) -> None:
    if data:
        try:
            TARGETS[data[0] % len(TARGETS)](data[1:])
        except MedarchiveError:
            return


def seeds() -> list[bytes]:
    """Streams of every kind, containers, tiles, the model."""
    y, x = np.mgrid[:9, :14]
    plane = (x * 37 + y * 11 + (x * y) % 7) % 4096
    few = np.stack([plane % 3 * 90, plane % 2 * 7, 255 - plane % 3], axis=-1)
    images = [
        Image(plane.astype(np.uint16)[np.newaxis, ..., np.newaxis], 12),
        Image((plane // 9 * 9 - 2000).astype(np.int16)[np.newaxis, ..., np.newaxis], 13),
        Image(np.stack([plane, plane + 1]).astype(np.uint16)[..., np.newaxis], 13),
        Image(np.kron(few, np.ones((6, 6, 1))).astype(np.uint8)[np.newaxis], 8),
        Image((plane[..., np.newaxis] % [9, 200, 4]).astype(np.uint8)[np.newaxis], 8),
        Image(np.where(plane > 3900, 5, 0).astype(np.uint8)[np.newaxis, ..., np.newaxis], 8),
        Image(np.full((1, 3, 3, 1), 7, np.uint8), 8),
    ]
    streams = [Predictive().encode(image)[len(MODEL.identity) :] for image in images]
    found = [bytes([target]) + stream for stream in streams for target in (0, 1)]
    found += [bytes([2]) + medarchive.encode(plane.astype(np.uint16), codec="predictive")]
    geometry = Geometry(*plane.shape)
    for highest, values in ((4095, plane), (65535, plane * 16), (9, np.where(plane > 3900, 9, 0))):
        for seed in range(4):
            count = len(linear.AROUND)
            weights = np.random.default_rng(seed).integers(-65535 // count, 65535 // count + 1, count).astype(np.int32)
            data, _ = REFERENCE.encode(geometry.plane_of(values.astype(np.int32)), None, geometry, weights, highest)
            found.append(bytes([4]) + struct.pack("<BBHBBH", 8, 13, highest, 0, seed, 0) + data)
            found.append(bytes([4]) + struct.pack("<BBHBBH", 8, 13, highest, 1, seed, 0) + data)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, "-max_len=4096", "-timeout=30", "-rss_limit_mb=2048", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
