"""rANS of yes and no: asymmetric numeral systems (Duda, arXiv 1311.2540), one state of 32 bits, words of 16.

A decision is an answer and the chance of yes in 1/65,536, from 1 to 65,535. The encoder takes decisions backwards, the
decoder forwards.
"""

import struct
from collections.abc import Sequence

from medarchive.errors import CorruptStream

__all__ = ["Decoder", "encode"]

_LEAST = 1 << 16
_HALF = 1 << 15


def encode(answers: Sequence[bool], chances: Sequence[int]) -> bytes:
    """Encode decisions in the order in which they will be decoded."""
    state, words = _LEAST, []
    for yes, chance in zip(reversed(answers), reversed(chances), strict=True):
        start, count = (0, chance) if yes else (chance, _LEAST - chance)
        if state >= count << 16:
            words.append(state & 0xFFFF)
            state >>= 16
        state = ((state // count) << 16) + state % count + start
    return struct.pack(f"<I{len(words)}H", state, *reversed(words))


class Decoder:
    """Takes decisions out of what ``encode`` made."""

    def __init__(self, data: bytes) -> None:
        """Begin.

        Raises:
            CorruptStream: there are too few bytes, or half a word, or a state that no encoder leaves.
        """
        if len(data) < 4 or len(data) % 2:
            raise CorruptStream("a range coder's stream of a length that none has")
        self._state, *self._words = struct.unpack(f"<I{len(data) // 2 - 2}H", data)
        if self._state < _LEAST:
            raise CorruptStream("a range coder's stream that begins where none does")
        self._next = 0

    def take(self, chance: int = _HALF) -> bool:
        """The next answer.

        Raises:
            CorruptStream: the stream ends too early.
        """
        slot = self._state & 0xFFFF
        yes: bool = slot < chance
        start, count = (0, chance) if yes else (chance, _LEAST - chance)
        state = count * (self._state >> 16) + slot - start
        if state < _LEAST:
            if self._next == len(self._words):
                raise CorruptStream("a range coder's stream that ends too early")
            state = state << 16 | self._words[self._next]
            self._next += 1
        self._state = state
        return yes

    def number(self, bits: int) -> int:
        """A number of so many bits, the highest first, of which nothing is known."""
        found = 0
        for _ in range(bits):
            found = found << 1 | self.take()
        return found

    def finish(self) -> None:
        """Compare the end with what an encoder begins with.

        Raises:
            CorruptStream: they differ.
        """
        if self._next != len(self._words) or self._state != _LEAST:
            raise CorruptStream("a range coder's stream that does not end where it should")
