"""rANS: asymmetric numeral systems (Duda, arXiv 1311.2540), four interleaved states of 32 bits, words of 16.

Intervals are of 0 to 65,536. The encoder takes them backwards, the decoder forwards.
"""

import struct
from collections.abc import Sequence

from medarchive.errors import CorruptStream

__all__ = ["LANES", "Decoder", "encode"]

LANES = 4
_LEAST = 1 << 16


def encode(symbols: Sequence[tuple[int, int, int]]) -> bytes:
    """Encode (lane, start, count) in the order in which they will be decoded; 1 <= count <= 65,536 - start."""
    states = [_LEAST] * LANES
    words: list[int] = []
    for lane, start, count in reversed(symbols):
        state = states[lane]
        if state >= count << 16:
            words.append(state & 0xFFFF)
            state >>= 16
        states[lane] = ((state // count) << 16) + state % count + start
    return struct.pack(f"<{LANES}I{len(words)}H", *states, *reversed(words))


class Decoder:
    """Takes intervals out of what ``encode`` made."""

    def __init__(self, data: bytes) -> None:
        """Begin.

        Raises:
            CorruptStream: there are too few bytes, or half a word, or a state that no encoder leaves.
        """
        if len(data) < 4 * LANES or len(data) % 2:
            raise CorruptStream("a range coder's stream of a length that none has")
        self.states = list(struct.unpack_from(f"<{LANES}I", data))
        if min(self.states) < _LEAST:
            raise CorruptStream("a range coder's stream that begins where none does")
        self._words = struct.unpack_from(f"<{(len(data) - 4 * LANES) // 2}H", data, 4 * LANES)
        self._next = 0

    def slot(self, lane: int) -> int:
        """The number from 0 to 65,535 that lies in the next interval."""
        return int(self.states[lane] & 0xFFFF)

    def take(self, lane: int, start: int, count: int) -> None:
        """Pass over the interval that the slot lies in.

        Raises:
            CorruptStream: the stream ends too early.
        """
        state = count * (self.states[lane] >> 16) + (self.states[lane] & 0xFFFF) - start
        if state < _LEAST:
            if self._next == len(self._words):
                raise CorruptStream("a range coder's stream that ends too early")
            state = state << 16 | self._words[self._next]
            self._next += 1
        self.states[lane] = state

    def finish(self) -> None:
        """Compare the end with what an encoder begins with.

        Raises:
            CorruptStream: they differ.
        """
        if self._next != len(self._words) or self.states != [_LEAST] * LANES:
            raise CorruptStream("a range coder's stream that does not end where it should")
