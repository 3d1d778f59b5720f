"""Recent: what was made a while ago and may be asked for again, as much as may stay in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by their keys; those that were asked for last stay. Any thread may ask."""

    def __init__(self, most: int, cost: Callable[[Value], int] = lambda _: 1) -> None:
        """Begin with none.

        Args:
            most: what all of them may cost; the newest stays whatever it costs.
            cost: of one; without it each costs 1.
        """
        self._most = most
        self._cost = cost
        self._guard = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._costs = 0

    def get(self, key: Key) -> Value | None:
        """The value of a key, where it is here."""
        with self._guard:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, unless there is one of this key."""
        with self._guard:
            if key not in self._values:
                self._values[key] = value
                self._costs += self._cost(value)
            while self._costs > self._most and len(self._values) > 1:
                self._costs -= self._cost(self._values.popitem(last=False)[1])

    def clear(self) -> None:
        """Let all go."""
        with self._guard:
            self._values.clear()
            self._costs = 0
