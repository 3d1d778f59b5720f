"""Wire: the two primitive forms of all our formats, unsigned LEB128 numbers and byte strings with their length."""

from medarchive.errors import CorruptStream

__all__ = ["Reader", "blob", "varint"]

_MOST_DIGITS = 9


def varint(number: int) -> bytes:
    """A number below 2^63 in groups of seven bits, lowest first; the high bit says that more follow."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def blob(data: bytes) -> bytes:
    """A byte string behind its length."""
    return varint(len(data)) + data


class Reader:
    """Reads the same forms back; whatever is not there or out of range is a CorruptStream."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, length: int) -> bytes:
        """The next bytes.

        Raises:
            CorruptStream: there are fewer.
        """
        end = self._position + length
        if end > len(self._data):
            raise CorruptStream("the stream ends too early")
        data, self._position = self._data[self._position : end], end
        return data

    def varint(self, most: int) -> int:
        """A number up to ``most``.

        Raises:
            CorruptStream: it is larger, or none.
        """
        number = 0
        for place in range(_MOST_DIGITS):
            digit = self.take(1)[0]
            number |= (digit & 0x7F) << 7 * place
            if digit < 0x80:
                if number > most:
                    raise CorruptStream(f"{number} where at most {most} may stand")
                return number
        raise CorruptStream("a number without an end")

    def blob(self, most: int) -> bytes:
        """A byte string of up to ``most`` bytes.

        Raises:
            CorruptStream: it is longer, or cut off.
        """
        return self.take(self.varint(most))

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._position

    def rest(self) -> bytes:
        """All bytes not read yet."""
        return self.take(self.left)
