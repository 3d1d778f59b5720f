"""Multipart messages leave part by part; whatever was opened for them is closed."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from medarchive.archive.archive import Archive

LARGE = 3 << 20


@pytest.fixture
def opened(archive: Archive) -> Iterator[list[io.BytesIO]]:
    """Files that parts opened."""
    files: list[io.BytesIO] = []
    yield files
    assert all(file.closed for file in files)


def message(opened: list[io.BytesIO], *sizes: int, known: bool = True) -> tuple[AsyncIterator[bytes], str]:
    from medarchive.web.dicomweb.sending import Part, multipart

    def part(number: int, size: int) -> Part:
        def open_it() -> io.BytesIO:
            opened.append(io.BytesIO(bytes([number]) * size))
            return opened[-1]

        return Part("application/dicom", f"/{number}", size if known else None, open_it)

    answer: Any = multipart("application/dicom", [part(number, size) for number, size in enumerate(sizes, 1)])
    return answer.streaming_content, answer["Content-Type"].partition("boundary=")[2]


async def whole(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


@pytest.mark.parametrize("known", [True, False])
def test_small_parts_leave_together_and_large_ones_in_pieces(opened: list[io.BytesIO], known: bool) -> None:
    sizes = (1000, 400_000, LARGE, 10, 700_000, 700_000)
    pieces, boundary = message(opened, *sizes, known=known)
    found = asyncio.run(whole(pieces))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in b"".join(found).split(f"--{boundary}".encode())[1:-1]]
    assert [len(body) - 2 for body in bodies] == list(sizes)
    assert [body[:1] for body in bodies] == [bytes([number]) for number in range(1, 7)]
    if known:
        assert len(found) < 20
    assert max(map(len, found)) < (1 << 20) + 1000


@pytest.mark.parametrize("taken", [1, 2, 4])
def test_what_was_opened_for_a_client_that_is_gone_is_closed(opened: list[io.BytesIO], taken: int) -> None:
    async def some() -> None:
        pieces: Any = message(opened, *[LARGE] * 5)[0]
        for _ in range(taken):
            await anext(pieces)
        await pieces.aclose()
        await asyncio.sleep(0.2)  # what is being opened meanwhile is closed behind it

    asyncio.run(some())
    assert len(opened) < 5
