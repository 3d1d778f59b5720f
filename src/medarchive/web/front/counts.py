"""Counts: what this process of the web face has done, for ``/metrics``."""

from collections import Counter

__all__ = ["COUNTS", "Counts"]


class Counts:
    """Running numbers; kept by the event loop's thread, read by any."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.under_way = 0
        self.bytes_in = 0
        self.bytes_out = 0


COUNTS = Counts()
