"""Catalog: who knows what is stored where. A small transactional database that any number of processes share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from medarchive.archive.blobs import BlobId

__all__ = ["Catalog", "Form", "InstanceRecord", "Row", "State", "Transaction"]

T = TypeVar("T")


class Row(Protocol):
    """One row of an answer, by column name."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""
        ...

    def keys(self) -> list[str]:
        """The names of the columns."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The values of the columns."""
        ...


State = Literal["received", "alone", "kept"]
"""``received``: durable, waiting to be compressed. ``alone``: compressed, and one of the slices that will be coded
together when their series has gone quiet. ``kept``: in its final form."""

Form = Literal["raw", "zstd", "split"]
"""``raw``: a blob, the Part 10 file. ``zstd``: a blob, the file compressed. ``split``: header blob and container."""


class Transaction(Protocol):
    """A write transaction that holds the catalogue's write lock."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        """Run one statement and return its rows."""
        ...


class Catalog(Protocol):
    """SQL with ``?`` parameters over the tables of ``schema.py``."""

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        """Run one query on the last committed state and return all its rows: ask for pages, not for everything.

        Raises:
            ArchiveBusy: the catalogue cannot be read now.
        """
        ...

    def write(self, change: Callable[[Transaction], T]) -> T:
        """Run ``change`` under the write lock; when this returns, what it did survives a power cut.

        An exception from ``change`` undoes it and comes back to the caller.

        Raises:
            ArchiveBusy: the lock was not to be had in time, or the disk is full. Nothing was changed.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Callable[[str, Sequence[Any]], Iterator[Row]]]:
        """A consistent view for long reports: a function that runs queries on one and the same committed state."""
        ...

    def close(self) -> None:
        """Wait for the changes under way and close all connections."""
        ...


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """Where an instance is and how it is kept. Sizes in bytes; hashes are SHA-256 in hexadecimal.

    The frames of one that is split are ``frames`` of the ``entry_frames`` of entry number ``entry`` of its container,
    from ``first_frame`` on; 0 frames are all of them. ``stored_bytes`` is its blob and its share of the container.
    ``tried`` is the name of what it was encoded with, whether that was kept or not. ``max_error`` is the bound of the
    near-lossless coding that made its pixels, 0 for all that was received: with it they are coded again exactly.
    """

    id: int
    series: int
    uid: str
    sop_class: str
    study_uid: str
    series_uid: str
    modality: str
    transfer_syntax: str
    size: int
    sha256: str
    dataset_offset: int
    dataset_sha256: str
    source: str
    received_at: float
    state: State
    form: Form
    codec: str
    reason: str
    stored_bytes: int
    blob: BlobId
    container: BlobId | None
    entry: int
    first_frame: int
    frames: int
    entry_frames: int
    tried: str
    max_error: int

    @property
    def shared(self) -> bool:
        """Whether its container is that of a closed group."""
        return self.frames < self.entry_frames
