"""Multipart bodies come apart the same way however they are cut into chunks."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medarchive.web.dicomweb.multipart import BadBody, parts

BOUNDARY = "b0undary"
CONTENT = (
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"\r\n", b"--", b"\r\n--b0", b"\r\n--b0undar", b"--b0undary", b"-"]),
        ),
        max_size=8,
    )
    .map(b"".join)
    .filter(lambda data: b"\r\n--b0undary" not in b"\r\n" + data)
)


def body(contents: list[bytes], *, preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    found = preamble
    for number, content in enumerate(contents):
        found += (
            f"\r\n--{BOUNDARY} \r\nContent-Type: application/dicom\r\nX-Number:\r\n {number}\r\n\r\n".encode() + content
        )
    return found + f"\r\n--{BOUNDARY}--".encode() + epilogue


def cut(data: bytes, sizes: list[int]) -> Callable[[int], bytes]:
    stream, left = io.BytesIO(data), iter(sizes)
    return lambda most: stream.read(min(most, next(left, most)))


def read(data: bytes, sizes: list[int], boundary: str = BOUNDARY) -> list[tuple[dict[str, str], bytes]]:
    return [(part.headers, b"".join(part.chunks)) for part in parts(cut(data, sizes), boundary)]


@given(
    st.lists(CONTENT, max_size=4), st.lists(st.integers(1, 30), max_size=60), st.sampled_from([b"", b"hello", b"\r\nx"])
)
def test_what_was_put_together_comes_apart(contents: list[bytes], sizes: list[int], around: bytes) -> None:
    found = read(body(contents, preamble=around, epilogue=around), sizes)
    assert [content for _, content in found] == contents
    assert [headers["x-number"] for headers, _ in found] == [str(number) for number in range(len(contents))]


@given(st.lists(CONTENT, min_size=1, max_size=3), st.data())
def test_a_body_that_breaks_off_anywhere_is_refused(contents: list[bytes], data: st.DataObject) -> None:
    whole = body(contents)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BadBody):
        read(whole[:end], [])


@given(st.binary(max_size=300), st.lists(st.integers(1, 30), max_size=20))
def test_anything_at_all_is_parts_or_refused(data: bytes, sizes: list[int]) -> None:
    try:
        found = read(b"--b0undary" + data, sizes)
    except BadBody:
        return
    assert data.startswith(b"--") or all(isinstance(content, bytes) for _, content in found)


def test_the_first_boundary_may_stand_at_the_start_and_a_part_may_have_no_headers() -> None:
    assert read(b"--b0undary\r\n\r\nabc\r\n--b0undary--", [1] * 100) == [({}, b"abc")]


def test_a_part_that_is_not_read_is_passed_over() -> None:
    numbers = [part.headers["x-number"] for part in parts(cut(body([b"a" * 1000, b"b"]), []), BOUNDARY)]
    assert numbers == ["0", "1"]


@pytest.mark.parametrize("boundary", ["", "a\r\nb", "x" * 71, "ä", "a "])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(BadBody, match="boundary"):
        read(body([b"a"]), [], boundary)


@pytest.mark.parametrize(
    "bad",
    [
        b"--b0undaryX\r\n\r\nabc\r\n--b0undary--",
        b"--b0undary\r\nno header\r\n\r\nabc\r\n--b0undary--",
        b"--b0undary\r\n" + b"A: b\r\n" * 5000 + b"\r\nabc\r\n--b0undary--",
        b"--b0undary\r\nA: " + b"b" * 100_000 + b"\r\n\r\nabc\r\n--b0undary--",
    ],
)
def test_what_is_no_part_is_refused(bad: bytes) -> None:
    with pytest.raises(BadBody):
        read(bad, [])
