import pytest

from medarchive.codecs.wire import Reader, blob, varint
from medarchive.errors import CorruptStream


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**63 - 1])
def test_numbers_come_back(number: int) -> None:
    reader = Reader(varint(number) + b"x")
    assert reader.varint(number) == number
    assert reader.rest() == b"x"


def test_numbers_are_written_as_documented() -> None:
    assert varint(300) == b"\xac\x02"
    assert blob(b"abc") == b"\x03abc"


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x01"])
def test_numbers_without_an_end_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        Reader(data).varint(1 << 63)


def test_what_is_larger_than_allowed_is_refused() -> None:
    with pytest.raises(CorruptStream, match="at most 299"):
        Reader(varint(300)).varint(299)
    with pytest.raises(CorruptStream, match="at most 2"):
        Reader(blob(b"abc")).blob(2)
    with pytest.raises(CorruptStream, match="too early"):
        Reader(b"\x05abc").blob(10)
