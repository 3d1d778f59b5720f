"""Decisions: a coefficient as yes and no, each with a logit of its own.

Is it anything but 0? Is it negative? Then class by class: is its size beyond 1, 2, 4, 8, …? And where in its class is
it: the first bit has a logit, the others are as they come.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.rans import Decoder

__all__ = ["CLASSES", "HALF", "LAST_CLASS", "MOST_SIZE", "Decisions", "decode"]

ANY, NEGATIVE, BEYOND, UPPER = 0, 1, 2, 14
CLASSES = 12
"""Logits of ``beyond``; the last one serves for all further classes, too."""
LAST_CLASS = 30
MOST_SIZE = 1 << LAST_CLASS
"""Steps of 1/4 and the largest plane: a coarse coefficient of 16 bits comes close to it."""
HALF = 1 << 15


class Decisions:
    """Answers and their chances, in order."""

    def __init__(self) -> None:
        self.answers: list[bool] = []
        self.chances: list[int] = []

    def add(self, answer: bool, chance: int = HALF) -> None:
        """One more."""
        self.answers.append(answer)
        self.chances.append(chance)

    def number(self, value: int, bits: int) -> None:
        """A number of so many bits, see Decoder.number."""
        for bit in range(bits - 1, -1, -1):
            self.add(bool(value >> bit & 1))

    def coefficient(self, value: int, chances: Sequence[int]) -> None:
        """A coefficient, of at most MOST_SIZE.

        Args:
            value: the coefficient.
            chances: of each logit.

        Raises:
            ValueError: it is larger.
        """
        if abs(value) > MOST_SIZE:
            raise ValueError("a coefficient beyond all bounds")
        self.add(value != 0, chances[ANY])
        if not value:
            return
        self.add(value < 0, chances[NEGATIVE])
        size = abs(value)
        number = (size - 1).bit_length()
        for step in range(min(number + 1, LAST_CLASS)):
            self.add(number > step, chances[BEYOND + min(step, CLASSES - 1)])
        if number > 1:
            inside = size - 1 - (1 << number - 1)
            upper = inside >> number - 2
            self.add(bool(upper), chances[UPPER + (number > 2)])
            self.number(inside & (1 << number - 2) - 1, number - 2)


def decode(decoder: Decoder, chances: Sequence[int]) -> int:
    """A coefficient from its decisions."""
    if not decoder.take(chances[ANY]):
        return 0
    negative = decoder.take(chances[NEGATIVE])
    number = 0
    while number < LAST_CLASS and decoder.take(chances[BEYOND + min(number, CLASSES - 1)]):
        number += 1
    size = number + 1
    if number > 1:
        upper = decoder.take(chances[UPPER + (number > 2)])
        size = 1 + (1 << number - 1) + (upper << number - 2) + decoder.number(number - 2)
    return -size if negative else size


def chances(logits: NDArray[np.int32], table: NDArray[np.uint16]) -> NDArray[np.int32]:
    """Chances of yes in 1/65,536 for logits in 1/64."""
    return table[logits + len(table) // 2].astype(np.int32)
