"""Rates: how many requests an address may make. Generous to people and programs, not to floods."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Rate", "network"]

_MOST_ADDRESSES = 20_000


class Rate:
    """Buckets of tokens, one for each address, filled at a steady rate."""

    def __init__(self, a_minute: float, at_once: float, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets.

        Args:
            a_minute: requests in the long run.
            at_once: requests after a silence.
            now: seconds.
        """
        self._a_second = a_minute / 60
        self._at_once = at_once
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds after which this address may ask again; 0: now."""
        missing = 1 - self._level(address)
        return max(missing / self._a_second, 0.0)

    def count(self, address: str) -> None:
        """Note a request."""
        level = self._level(address)
        self._buckets[address] = max(level - 1, -1.0), self._now()
        self._buckets.move_to_end(address)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)

    def _level(self, address: str) -> float:
        level, then = self._buckets.get(address, (self._at_once, 0.0))
        return min(level + (self._now() - then) * self._a_second, self._at_once)


def network(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which a single machine may have all of."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
