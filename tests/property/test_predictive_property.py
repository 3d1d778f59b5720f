"""predictive: every image comes back, no flipped bit passes, no bytes do harm, and none take more than they should."""

import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import medarchive
from medarchive.codecs import registry
from medarchive.codecs.predictive import linear, model
from medarchive.codecs.predictive.backend import coder
from medarchive.codecs.predictive.native import instruction_sets
from medarchive.codecs.predictive.planes import Geometry
from medarchive.codecs.predictive.reference import Reference
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CodecError, CorruptStream, LimitExceeded, MedarchiveError
from medarchive.image import Image

QUICK = bool(instruction_sets())
SIDES = [(1, 1), (1, 2), (2, 1), (3, 5), (1, 90), (90, 1), (2, 77), (77, 2), (20, 55), (9, 9)]
KINDS = ["constant", "noise", "sparse", "padding", "ramp", "few"]
CODEC = registry.get("predictive")


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Of any dtype, number of bits, shape and kind."""
    dtype = np.dtype(draw(st.sampled_from(["u1", "u2", "i1", "i2", "u4", "i4"])))
    bits = draw(st.integers(1, min(16, 8 * dtype.itemsize)))
    shape = (draw(st.integers(1, 5)), *draw(st.sampled_from(SIDES if QUICK else SIDES[:4])), draw(st.integers(1, 4)))
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if dtype.kind == "i" else (0, (1 << bits) - 1)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    kind, some = draw(st.sampled_from(KINDS)), random.integers(low, high + 1, shape)
    pixels = np.full(shape, some.flat[0])
    match kind:
        case "noise":
            pixels = some
        case "sparse":
            pixels = some // 50 * 50
        case "padding":
            pixels[:, shape[1] // 4 :, : shape[2] // 2 + 1] = some[:, shape[1] // 4 :, : shape[2] // 2 + 1]
        case "ramp":
            pixels = np.linspace(low, high, some.size).astype(np.int64).reshape(shape) + (some % 3 - 1)
        case "few":
            pixels = random.integers(low, high + 1, 3)[random.integers(0, 3, shape)]
    return Image(np.clip(pixels, low, high).astype(dtype), bits)


@given(images(), st.sampled_from([1, 9]))
@settings(max_examples=400 if QUICK else 30, deadline=None)
def test_every_image_comes_back(image: Image, effort: int) -> None:
    assert CODEC.accepts(image)
    assert CODEC.decode(CODEC.encode(image, effort=effort)) == image


@given(images(), st.integers(0, 3))
@settings(max_examples=60 if QUICK else 15, deadline=None)
def test_the_bound_holds(image: Image, max_error: int) -> None:
    data = medarchive.encode(image.pixels, codec="predictive", bits=image.bits, max_error=max_error, effort=1)
    decoded = medarchive.decode(data)
    assert decoded.dtype == image.pixels.dtype
    assert int(np.abs(decoded.astype(np.int64) - image.pixels).max()) <= max_error


def example() -> np.ndarray:
    """Two frames with flat blocks, noise and several samples."""
    y, x = np.mgrid[:12, :60]
    plane = np.where((x - 30) ** 2 + 9 * (y - 6) ** 2 < 300, (x * 37 + y * 11 + (x * y) % 7) % 200, 0)
    return np.stack([np.stack([plane, plane // 3, 199 - plane], axis=-1), np.stack([plane] * 3, axis=-1)]).astype("u1")


CONTAINER = medarchive.encode(example(), codec="predictive", effort=1)


def test_every_flipped_bit_of_a_container_is_reported() -> None:
    """Each bit of the first and last bytes, where all fields lie; one of each byte between them."""
    assert np.array_equal(medarchive.decode(CONTAINER), example())
    for position in range(len(CONTAINER)):
        ends = position < 90 or position >= len(CONTAINER) - 150
        for bit in range(8) if ends else [position % 8]:
            changed = bytearray(CONTAINER)
            changed[position] ^= 1 << bit
            with pytest.raises((CorruptStream, LimitExceeded)):
                medarchive.decode(bytes(changed))


def streams() -> list[bytes]:
    """One of each kind: alone, again and across; each; palette; packed; drawing; constant."""
    y, x = np.mgrid[:9, :14]
    plane = (x * 37 + y * 11 + (x * y) % 7) % 4096
    few = np.kron(np.stack([plane % 3 * 90, plane % 2 * 7, 255 - plane % 3], axis=-1), np.ones((3, 3, 1), np.int64))
    return [
        CODEC.encode(image)
        for image in (
            Image(np.stack([plane, plane + 1, plane]).astype(np.uint16)[..., np.newaxis], 13),
            Image((plane[np.newaxis, ..., np.newaxis] % [9, 200, 4]).astype(np.uint8), 8),
            Image(few[np.newaxis].astype(np.uint8), 8),
            Image((plane // 40 * 40 - 2000).astype(np.int16)[np.newaxis, ..., np.newaxis], 13),
            Image(np.tile(plane[:3, :3] * 9, (9, 9)).astype(np.uint16)[np.newaxis, ..., np.newaxis], 16),
            Image(np.full((1, 3, 3, 1), 7, np.uint8), 8),
        )
    ]


STREAMS = streams()
HEAD = model.load().identity


def ends_well(data: bytes) -> None:
    """In an image that is one, or in one of our errors."""
    try:
        CODEC.decode(data).check_range()
    except MedarchiveError:
        return


@given(st.binary(max_size=300), st.sampled_from([b"", HEAD, STREAMS[0][:16], STREAMS[1][:18], STREAMS[2][:19]]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_do_harm(data: bytes, head: bytes) -> None:
    if claimed(head + data) <= 1 << 20:
        ends_well(head + data)


@given(st.data())
@settings(max_examples=600 if QUICK else 40, deadline=None)
def test_no_damage_does_harm(data: st.DataObject) -> None:
    stream = bytearray(data.draw(st.sampled_from(STREAMS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not stream:
            return
    if claimed(bytes(stream)) <= 1 << 20:
        ends_well(bytes(stream))


def claimed(data: bytes) -> int:
    """The values that a stream says it has."""
    try:
        spec = ImageSpec.read(Reader(data[len(HEAD) :]))
    except CodecError:
        return 0
    return spec.frames * spec.rows * spec.columns * spec.samples


def numbers(*values: int) -> bytes:
    return b"".join(map(varint, values))


def spec(frames: int, rows: int, columns: int, samples: int, bits: int = 8, dtype: int = 0) -> bytes:
    return HEAD + numbers(frames, rows, columns, samples, bits, dtype, 4, dtype)


PLAIN = numbers(0, 0, 255)  # a packing: plain, from 0, up to 255
LYING = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 40) + bytes(20)  # a frame that says it holds 2^40 bytes
ALONE = bytes(1 + len(linear.AROUND))  # coded alone, weights of zero
ABSURD = {
    "frames": spec(1 << 21, 1, 1, 1) + PLAIN,
    "more frames than a group": spec(17, 1, 1, 1) + PLAIN + b"\0",
    "rows": spec(1, 1 << 40, 1, 1) + PLAIN,
    "values in a frame": spec(1, 1 << 18, 1 << 18, 1) + PLAIN,
    "values in all frames": spec(16, 1 << 14, 1 << 14, 1) + PLAIN + b"\0",
    "samples": spec(1, 1, 1, 1 << 28) + b"\0" + PLAIN + b"\0",
    "packings": spec(1, 1, 1, 65535) + b"\1" + PLAIN,
    "tiles that are not there": spec(1, 1 << 14, 1 << 14, 1) + PLAIN + b"\0",
    "bits": spec(1, 2, 2, 1, 17, 2) + PLAIN,
    "values beyond the bits": spec(1, 2, 2, 1, 7) + PLAIN,
    "a smallest pixel far away": spec(1, 2, 2, 1) + numbers(0, 1 << 40, 1),
    "a smallest pixel beyond 32 bits": spec(1, 2, 2, 1) + numbers(0, 1 << 32, 0),
    "a highest": spec(1, 2, 2, 1, 16, 1) + numbers(0, 0, 65536),
    "a table of used values": spec(1, 2, 2, 1) + numbers(1, 0, 255) + blob(LYING),
    "a longer table of used values": spec(1, 2, 2, 1) + numbers(1, 0, 255) + blob(bytes(1 << 15)),
    "no used value": spec(1, 2, 2, 1) + numbers(1, 0, 255) + blob(zstandard.compress(bytes(32))),
    "bytes behind a table": spec(1, 2, 2, 1) + numbers(1, 0, 255) + blob(zstandard.compress(b"\xff" * 32) + b"x"),
    "colours": spec(1, 2, 2, 3) + b"\2" + numbers(65537),
    "a palette": spec(1, 2, 2, 3) + b"\2" + numbers(65536) + blob(LYING),
    "a palette of many samples": spec(1, 1, 1, 65535) + b"\2" + numbers(65536) + blob(LYING),
    "a weight": spec(1, 2, 2, 1) + PLAIN + b"\0\0" + numbers(*[0] * 24, (1 << 18) + 1) + blob(bytes(16)),
    "weights in all": spec(1, 2, 2, 1) + PLAIN + b"\0\0" + numbers(*[6000] * 25) + blob(bytes(16)),
    "the length of a tile": spec(1, 2, 2, 1) + PLAIN + b"\0" + ALONE + numbers(1 << 31),
    "a tile that is not there": spec(1, 2, 2, 1) + PLAIN + b"\0" + ALONE + numbers(1 << 29),
    "a tile's states": spec(1, 2, 2, 1) + PLAIN + b"\0" + ALONE + blob(bytes(16)),
    "a drawing": spec(1, 1 << 14, 1 << 14, 1) + PLAIN + b"\1" + LYING,
}


@pytest.mark.parametrize("name", ABSURD)
def test_what_is_absurd_is_refused_before_memory_is_taken(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((CorruptStream, LimitExceeded)):
            CODEC.decode(ABSURD[name])
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


_LIMITED = """
import resource, sys, time
from medarchive.codecs import registry
from medarchive.codecs.predictive import model
from medarchive.errors import MedarchiveError
codec = registry.get("predictive")
model.load()
with open("/proc/self/status") as status:
    now = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (now + (256 << 20), now + (256 << 20)))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
for line in sys.stdin:
    try:
        codec.decode(bytes.fromhex(line))
    except MedarchiveError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process as Linux has them")
def test_absurd_streams_in_a_process_of_little_memory() -> None:
    """What the kernel takes counts, too. A tile of 1024 x 1024 that is cut off, and noise where its bytes should be."""
    random = np.random.default_rng(0)
    tiles = [spec(1, 1024, 1024, 1) + PLAIN + b"\0" + ALONE + blob(tile) for tile in (b"\xff" * 16, random.bytes(4000))]
    lines = "\n".join(data.hex() for data in (*ABSURD.values(), *(tiles if QUICK else [])))
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED], input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert len(done.stdout.split()) == len(lines.split())
    assert set(done.stdout.split()) <= {"CorruptStream", "LimitExceeded"}


@pytest.mark.parametrize("beyond", [-1, 65500 + 1])
def test_a_value_that_no_encoder_codes_is_refused(beyond: int) -> None:
    """Classes at the ends of the range reach beyond it, where they are wide."""
    highest, geometry = 65500, Geometry(8, 8)
    tile = (highest * np.random.default_rng(1).integers(0, 2, (8, 8))).astype(np.int32)
    head = spec(1, 8, 8, 1, 16, 1) + numbers(0, 0, highest) + b"\0" + ALONE
    for last, refused in ((0, False), (highest, False), (beyond, True)):
        tile[-1, -1] = last
        weights = np.zeros(len(linear.AROUND), np.int32)
        data, _ = Reference(model.load()).encode(geometry.plane_of(tile), None, geometry, weights, highest)
        if refused:
            with pytest.raises(CorruptStream, match="below 0 or beyond"):
                CODEC.decode(head + blob(data))
        else:
            assert np.array_equal(CODEC.decode(head + blob(data)).pixels[0, ..., 0], tile)


def test_a_state_that_no_encoder_leaves_is_refused() -> None:
    """With such a state the kernel read a word more than the normative coder."""
    geometry, coders = Geometry(2, 2), [Reference(model.load()), coder(model.load())]
    weights = np.zeros(len(linear.AROUND), np.int32)
    for state in (0, 1, 65535):
        for at in range(4):
            states = [1 << 16] * 4
            states[at] = state
            for one in coders:
                with pytest.raises(CorruptStream, match="begins"):
                    one.decode(struct.pack("<4I9H", *states, *range(9)), None, geometry, weights, 255)
