"""autoencoder: every image comes back, with the same pixels everywhere; no bytes do harm or take too much."""

import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medarchive
from contracts.pictures import framed, slice_like
from medarchive.codecs.autoencoder import Autoencoder, backend, model, native
from medarchive.codecs.autoencoder.native import Native, instruction_sets
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.reference import Reference
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CodecError, CorruptStream, LimitExceeded, MedarchiveError
from medarchive.image import Image

QUICK = bool(instruction_sets())
SIDES = [(1, 1), (1, 2), (2, 1), (3, 5), (5, 4), (1, 90), (90, 1), (2, 77), (77, 2), (20, 55), (34, 36)]
KINDS = ["constant", "noise", "sparse", "padding", "ramp", "few", "slice"]
CODEC = Autoencoder()


@st.composite
def images(draw: st.DrawFn) -> Image:
    """A frame of any dtype, number of bits, shape and kind."""
    dtype = np.dtype(draw(st.sampled_from(["u1", "u2", "i1", "i2", "u4", "i4"])))
    bits = draw(st.integers(1, min(16, 8 * dtype.itemsize)))
    shape = (1, *draw(st.sampled_from(SIDES if QUICK else SIDES[:5])), draw(st.integers(1, 4)))
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
        case "slice":
            pixels = pixels * 0 + (slice_like(*shape[1:3]).astype(np.int64) * (high - low) // 4095 + low)[..., None]
    return Image(np.clip(pixels, low, high).astype(dtype), bits)


@given(images(), st.sampled_from([1, 5, 9]))
@settings(max_examples=200 if QUICK else 20, deadline=None)
def test_every_image_comes_back(image: Image, effort: int) -> None:
    assert CODEC.accepts(image)
    stream = CODEC.encode(image, effort=effort)
    assert CODEC.decode(stream) == image
    shown = CODEC.preview(stream)
    assert ImageSpec.of(image, 1).fits(shown, 1)
    assert shown.pixels.min() >= image.pixels.min()
    assert shown.pixels.max() <= image.pixels.max()


@given(images(), st.integers(0, 3))
@settings(max_examples=40 if QUICK else 10, deadline=None)
def test_the_bound_holds(image: Image, max_error: int) -> None:
    data = medarchive.encode(image.pixels, codec="autoencoder", bits=image.bits, max_error=max_error, effort=1)
    decoded = medarchive.decode(data)
    assert decoded.dtype == image.pixels.dtype
    assert int(np.abs(decoded.astype(np.int64) - image.pixels).max()) <= max_error


@given(images(), st.floats(1, 100), st.sampled_from([1, 7]))
@settings(max_examples=150 if QUICK else 20, deadline=None)
def test_what_is_lost_is_within_the_range(image: Image, quality: float, effort: int) -> None:
    decoded = CODEC.decode(CODEC.encode_lossy(image, quality=quality, effort=effort))
    assert ImageSpec.of(image, 1).fits(decoded, 1)
    for at in range(image.pixels.shape[3]):
        sample, found = image.pixels[..., at], decoded.pixels[..., at]
        assert found.min() >= sample.min()
        assert found.max() <= sample.max()


@pytest.mark.skipif(not QUICK, reason="the kernel was not built: no C compiler")
@given(images(), st.floats(1, 100))
@settings(max_examples=25, deadline=None)
def test_every_backend_finds_the_same_pixels(image: Image, quality: float) -> None:
    streams = [CODEC.encode_lossy(image, quality=quality), CODEC.encode(image)]
    wanted = [CODEC.decode(stream) for stream in streams]
    for name in instruction_sets():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "_proven", lambda _, used, name=name: Native(used, name))
            assert [CODEC.decode(stream) for stream in streams] == wanted
            assert CODEC.encode_lossy(image, quality=quality) == streams[0]
    with pytest.MonkeyPatch.context() as patch:
        for module in (backend, native):
            patch.setattr(module, "instruction_sets", list)
        assert [CODEC.decode(stream) for stream in streams] == wanted


class Undrawn(Autoencoder):
    """As images have it that are no drawings; small ones may all be some."""

    def _smaller(self, stream: bytes, image: Image, effort: int, worth: float) -> bytes:
        return stream


ARRAY = np.stack([slice_like(34, 36) % 1000, slice_like(34, 36, seed=1) % 1000])
CONTAINERS = [
    medarchive.encode(ARRAY, codec="autoencoder", quality=40.0, effort=1),
    medarchive.encode(ARRAY[0], codec="autoencoder", max_error=1, effort=1),
]


@pytest.mark.parametrize("container", CONTAINERS, ids=["lossy", "bounded"])
def test_every_flipped_bit_of_a_container_is_reported(container: bytes) -> None:
    """Each bit of the first and last bytes, where all fields lie; one of each byte between them."""
    assert medarchive.decode(container).size
    for position in range(len(container)):
        ends = position < 40 or position >= len(container) - 100
        for bit in range(8) if ends else [position % 8]:
            changed = bytearray(container)
            changed[position] ^= 1 << bit
            for read in (medarchive.decode, medarchive.preview):
                with pytest.raises((CorruptStream, LimitExceeded)):
                    read(bytes(changed))


SMALL = framed(slice_like(9, 14) % 700, 12)
COLOURED = Image(np.stack([slice_like(7, 6, seed) % 250 for seed in range(3)], axis=-1)[np.newaxis].astype("u1"), 8)
DRAWING = framed(np.kron(np.arange(12).reshape(3, 4) * 20, np.ones((5, 5), np.int64)).astype(np.uint8), 8)
STREAMS = [
    Undrawn().encode_lossy(SMALL, quality=50),
    Undrawn().encode(SMALL),
    Undrawn().encode_lossy(COLOURED, quality=80),
    Undrawn().encode(COLOURED),
    CODEC.encode(DRAWING),
]
HEAD = model.load().identity


def claimed(data: bytes) -> int:
    """The values that a stream says it has."""
    try:
        spec = ImageSpec.read(Reader(data[len(HEAD) :]))
    except CodecError:
        return 0
    return spec.frames * spec.rows * spec.columns * spec.samples


def ends_well(data: bytes) -> None:
    """In an image that is one, or in one of our errors."""
    if claimed(data) > 1 << 20:
        return
    for read in (CODEC.decode, CODEC.preview):
        try:
            found = read(data)
        except MedarchiveError:
            continue
        found.check_range()


def numbers(*values: int) -> bytes:
    return b"".join(map(varint, values))


def spec(rows: int, columns: int, samples: int = 1) -> bytes:
    return HEAD + numbers(1, rows, columns, samples, 8, 0, 4, 0)


def latents(data: bytes, step: int = 64) -> bytes:
    """A plane from 0 to 255 of such coefficients."""
    return numbers(0, 255, 128, step, 0xABCDEF) + blob(data)


@given(st.binary(max_size=300), st.sampled_from([b"", HEAD, STREAMS[0][:16], spec(5, 9), spec(5, 9) + b"\1"]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_do_harm(data: bytes, head: bytes) -> None:
    ends_well(head + data)


@given(st.binary(min_size=2, max_size=400), st.integers(0, 640), st.sampled_from([(9, 14), (1, 60), (33, 2)]))
@settings(max_examples=150 if QUICK else 30, deadline=None)
def test_no_coefficients_do_harm(data: bytes, step: int, sides: tuple[int, int]) -> None:
    """Steps up to the largest: what they are multiplied by may leave 64 bits."""
    ends_well(spec(*sides) + b"\0" + latents(struct.pack("<I", 1 << 16 | 0x1234) + data[: len(data) & ~1], step))


@given(st.data())
@settings(max_examples=400 if QUICK else 40, deadline=None)
def test_no_damage_does_harm(data: st.DataObject) -> None:
    stream = bytearray(data.draw(st.sampled_from(STREAMS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not stream:
            return
    ends_well(bytes(stream))


@pytest.mark.skipif(not QUICK, reason="the kernel was not built: no C compiler")
@given(
    st.integers(1, 20),
    st.integers(1, 60),
    st.integers(0, 30),
    st.floats(0, 1),
    st.integers(0, 1000),
    st.sampled_from(instruction_sets() or [""]),
)
@settings(max_examples=40, deadline=None)
def test_the_kernel_codes_as_the_reference(
    rows: int, columns: int, bits: int, density: float, seed: int, name: str
) -> None:
    random = np.random.default_rng(seed)
    flat = np.where(random.random(rows * columns) < density, random.integers(-1 << bits, 1 << bits, rows * columns), 0)
    pyramid = Pyramid.of((rows, columns), flat.astype(np.int32))
    pyramid.low[...] >>= 1
    data = Native(model.load(), name).encode(pyramid)
    assert data == Reference(model.load()).encode(pyramid)
    back = Pyramid.zeros((rows, columns))
    Native(model.load(), name).decode(data, back)
    assert np.array_equal(back.flat, pyramid.flat)


_LIMITED = """
import resource, sys
from medarchive.codecs.autoencoder import Autoencoder
from medarchive.codecs.autoencoder.backend import coder
from medarchive.codecs.autoencoder.model import load
from medarchive.errors import MedarchiveError
codec = Autoencoder()
coder(load())
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
    """What the kernel takes counts, too. Planes that are cut off, and noise where their coefficients should be."""
    random = np.random.default_rng(0)
    plane = spec(1024, 1024) + b"\0"
    absurd = [
        spec(1 << 14, 1 << 14) + b"\0",
        spec(1 << 13, 1 << 13) + b"\0",
        spec(1 << 13, 1 << 13) + b"\0" + numbers(0, 255, 128, 64, 0),
        spec(1 << 13, 1 << 13) + b"\0" + latents(b"")[:-1] + numbers(1 << 30) + bytes(100),
        plane + latents(b"\xff" * 4),
        plane + latents(bytes(4)),
        spec(1 << 16, 1) + b"\0" + latents(b"\xff" * 40),
        *([plane + latents(random.bytes(4000)), plane + latents(b"\xff" * 4000)] if QUICK else []),
    ]
    lines = "\n".join(data.hex() for data in absurd)
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED], input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert len(done.stdout.split()) == len(absurd)
    assert set(done.stdout.split()) <= {"CorruptStream", "LimitExceeded"}
