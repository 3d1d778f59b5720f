"""Recording: what was read in a series enters the catalogue, and what was read in it before is superseded."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medarchive.archive.catalog import Transaction
from medarchive.archive.pictures import Frame
from medarchive.insight.reading import Reading, SeriesReading

__all__ = ["Recorded", "basis_of", "record_reading"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A series' reading in the catalogue.

    Attributes:
        id: its number.
        created_at: seconds since 1970.
    """

    id: int
    created_at: float


def basis_of(frames: Sequence[Frame]) -> str:
    """The same for the same frames of the same objects, hexadecimal."""
    names = (f"{frame.record.uid} {frame.record.dataset_sha256} {frame.index}" for frame in frames)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def record_reading(
    transaction: Transaction, series: int, frames: Sequence[Frame], found: SeriesReading, version: str
) -> Recorded:
    """Record what was read in a series; where just that is recorded already, nothing changes.

    Args:
        transaction: all of it comes into sight together.
        series: row number.
        frames: what was read.
        found: what was read there.
        version: of the reader.
    """
    basis = basis_of(frames)
    same = transaction.execute(
        "SELECT id, created_at FROM reading WHERE series = ? AND instance IS NULL AND superseded_at IS NULL "
        "AND version = ? AND basis = ?",
        (series, version, basis),
    )
    if same:
        return Recorded(same[0]["id"], same[0]["created_at"])
    now = time.time()
    transaction.execute(
        "UPDATE reading SET superseded_at = ? WHERE series = ? AND superseded_at IS NULL", (now, series)
    )
    transaction.execute("DELETE FROM embedding WHERE instance IN (SELECT id FROM instance WHERE series = ?)", (series,))
    there = [_is_there(transaction, frame) for frame in frames]
    carrier = frames[found.strongest]
    where: dict[str, object] = {"series": series, "version": version, "basis": basis, "created_at": now}
    strongest = carrier.record.id if there[found.strongest] else None
    pooled = _insert(transaction, found.pooled, where | {"strongest": strongest, "frame": carrier.index})
    for frame, reading, visible in zip(frames, found.readings, there, strict=True):
        if visible:
            of = {"instance": frame.record.id, "frame": frame.index, "part_of": pooled}
            _insert(transaction, reading, where | of)
            _embed(transaction, frame, reading, version)
    return Recorded(pooled, now)


def _is_there(transaction: Transaction, frame: Frame) -> bool:
    """Whether an instance was not purged meanwhile; its number may be another's then."""
    sql = "SELECT 1 FROM instance WHERE id = ? AND SOPInstanceUID = ?"
    return bool(transaction.execute(sql, (frame.record.id, frame.record.uid)))


def _insert(transaction: Transaction, reading: Reading, where: dict[str, object]) -> int:
    model = reading.model
    values = {
        **where,
        "anatomy": reading.anatomy,
        "anatomy_probability": float(reading.anatomy_probability),
        "finding": reading.finding,
        "abstained": int(reading.abstained),
        "reason": reading.reason,
        "task": reading.task,
        "model": model.name if model else "",
        "model_version": model.version if model else "",
        "model_sha256": model.sha256 if model else "",
        "report_uid": "",
    }
    row = transaction.execute(
        f"INSERT INTO reading ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) RETURNING id",
        tuple(values.values()),
    )
    number = int(row[0]["id"])
    for label, probability in reading.probabilities.items():
        transaction.execute("INSERT INTO label VALUES (?, ?, ?)", (number, label, float(probability)))
    return number


def _embed(transaction: Transaction, frame: Frame, reading: Reading, version: str) -> None:
    if reading.embedding is not None:
        vector = np.ascontiguousarray(reading.embedding, "<f4").tobytes()
        transaction.execute(
            "INSERT INTO embedding (instance, frame, version, vector) VALUES (?, ?, ?, ?)",
            (frame.record.id, frame.index, version, vector),
        )
