import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from contracts.codec_suite import image
from medarchive.codecs import registry, verified
from medarchive.codecs.container import Container, Writer, frame_digests
from medarchive.codecs.spec import ImageSpec
from medarchive.errors import CodecError, CorruptStream, LimitExceeded, UnknownCodec
from medarchive.image import Image


def pack(images: Sequence[Image]) -> bytes:
    out = io.BytesIO()
    verified.encode(images, out, codecs=("zstd-planes",))
    return out.getvalue()


def opened(data: bytes) -> Container:
    return Container.open(lambda offset, length: data[offset : offset + length], len(data))


def test_several_images_of_different_kinds_share_a_container() -> None:
    images = [image((3, 10, 12, 1), "i2", 13), image((1, 5, 5, 3), "u1", 8), image((2, 7, 1, 1), "u4", 32)]
    container = opened(pack(images))
    assert [entry.spec.frames for entry in container.entries] == [3, 1, 2]
    for number, original in enumerate(images):
        assert container.frames(number, 0, len(original)) == original


def test_a_frame_is_read_from_its_stream_and_the_index_alone() -> None:
    original = image((50, 32, 32, 1), "u2", 12)
    data = pack([original])
    read: list[tuple[int, int]] = []

    def read_at(offset: int, length: int) -> bytes:
        read.append((offset, length))
        return data[offset : offset + length]

    container = Container.open(read_at, len(data))
    assert container.frames(0, 30, 31) == original[30:31]
    assert sum(length for _, length in read) < len(data) / 5
    assert container.frames(0, 10, 13) == original[10:13]


def test_every_flipped_byte_is_noticed() -> None:
    data = pack([image((2, 8, 8, 1), "u2", 12)])
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x10
        with pytest.raises((CorruptStream, LimitExceeded)):
            opened(bytes(changed)).frames(0, 0, 2)


def test_every_truncation_is_noticed() -> None:
    data = pack([image((2, 8, 8, 1), "u2", 12)])
    for length in range(len(data)):
        with pytest.raises(CodecError):
            opened(data[:length]).frames(0, 0, 2)
    with pytest.raises(CodecError):
        opened(data + b"\0")


def test_a_stream_of_other_pixels_is_noticed_though_its_crc_is_right() -> None:
    honest = registry.get("zstd-planes")
    original, other = image((1, 8, 8, 1), "u2", 12), image((1, 8, 8, 1), "u2", 12, seed=9)
    out = io.BytesIO()
    writer = Writer(out, honest)
    writer.add(honest.encode(other), frame_digests(original))  # the index speaks of one image, the stream holds another
    writer.end_entry(ImageSpec.of(original, 1))
    writer.close()
    with pytest.raises(CorruptStream, match="other pixels"):
        opened(out.getvalue()).frames(0, 0, 1)


def test_frames_out_of_range() -> None:
    container = opened(pack([image((3, 8, 8, 1), "u1", 8)]))
    for start, stop in ((0, 4), (-1, 1), (2, 2), (3, 4)):
        with pytest.raises(IndexError):
            container.frames(0, start, stop)


def test_a_later_version_is_refused_by_number() -> None:
    data = bytearray(pack([image((1, 8, 8, 1), "u1", 8)]))
    data[8] = 9
    with pytest.raises(CorruptStream, match="version 9"):
        opened(bytes(data))


def test_an_unknown_codec_is_named() -> None:
    class Future:
        name = "telepathy"
        group = 1
        quick = True

    out = io.BytesIO()
    writer = Writer(out, Future())  # type: ignore[arg-type]
    original = image((1, 8, 8, 1), "u1", 8)
    writer.add(b"thought", frame_digests(original))
    writer.end_entry(ImageSpec.of(original, 1))
    writer.close()
    with pytest.raises(UnknownCodec, match="telepathy"):
        opened(out.getvalue()).frames(0, 0, 1)


def test_an_index_that_asks_for_too_much_is_refused_before_memory_is_taken() -> None:
    class Any:
        name = "zstd-planes"
        group = 1
        quick = True

    for shape, error in (
        ((1 << 21, 9, 9, 1), CorruptStream),
        ((1 << 22, 9, 9, 1), LimitExceeded),
        ((1, 1 << 18, 1 << 18, 1), LimitExceeded),
    ):
        out = io.BytesIO()
        writer = Writer(out, Any())  # type: ignore[arg-type]
        writer.end_entry(ImageSpec(*shape, 8, np.dtype(np.uint8)))
        writer.close()
        with pytest.raises(error):
            opened(out.getvalue())


def test_an_index_length_beyond_the_container_is_refused() -> None:
    data = bytearray(pack([image((1, 8, 8, 1), "u1", 8)]))
    data[-44:-40] = struct.pack("<I", 0xFFFFFFFF)
    with pytest.raises(CorruptStream):
        opened(bytes(data))


def test_little_is_spent_on_small_images() -> None:
    assert len(pack([image((1, 1, 1, 1), "u1", 8)])) < 160
    many, one = pack([image((64, 1, 1, 1), "u1", 8)]), pack([image((1, 1, 1, 1), "u1", 8)])
    assert (len(many) - len(one)) / 63 < 60
