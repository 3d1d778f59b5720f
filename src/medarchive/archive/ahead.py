"""Ahead: instances that are loaded one after another. Their groups are decoded before they are asked for."""

import threading
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import BinaryIO, Protocol

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.decoded import Decoded

__all__ = ["Ahead", "Load"]


class Load(Protocol):
    """Gives an instance's file: see ``Archive.load``."""

    def __call__(self, uid: str, *, transfer_syntax: str | None = None) -> BinaryIO:
        """Open it; whoever asks closes it."""
        ...


class Ahead:
    """Loads some instances. Any thread may ask, in about the order in which they were named."""

    def __init__(
        self,
        load: Load,
        decoded: Decoded,
        records: Iterable[InstanceRecord],
        threads: Executor,
        groups: int,
    ) -> None:
        """Begin with nothing decoded.

        Args:
            load: one alone.
            decoded: where decoded groups stay for a while.
            records: the instances, in order.
            threads: where groups are decoded.
            groups: how many are decoded beyond the one that is asked for.
        """
        self._load = load
        self._decoded = decoded
        self._threads = threads
        self._groups = groups
        self._guard = threading.Lock()
        self._begun = 0
        places: dict[tuple[str | None, int], int] = {}
        self._order: list[InstanceRecord] = []
        self._place: dict[str, int] = {}
        for record in records:
            if record.shared:
                place = self._place[record.uid] = places.setdefault((record.container, record.entry), len(places))
                if place == len(self._order):
                    self._order.append(record)

    def load(self, uid: str, *, transfer_syntax: str | None = None) -> BinaryIO:
        """See ``Archive.load``."""
        if uid in self._place:
            self._reach(self._place[uid])
        return self._load(uid, transfer_syntax=transfer_syntax)

    def _reach(self, place: int) -> None:
        """Have a group and some behind it decoded, where that was not begun."""
        with self._guard:
            begin, end = max(self._begun, place), place + 1 + self._groups
            self._begun = max(self._begun, end)
        for record in self._order[begin:end]:
            self._threads.submit(self._decoded.prepare, record)
