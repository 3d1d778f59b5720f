"""What the archive holds and what it saves, from the catalogue alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from medarchive.archive.catalog import Catalog

__all__ = ["Group", "SeriesSize", "Stats", "series_sizes", "stats"]


@dataclass(frozen=True, slots=True)
class Group:
    """The visible instances of one modality and codec. Bytes in are those of the Part 10 files."""

    modality: str
    codec: str
    instances: int
    bytes_in: int
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Totals.

    Attributes:
        patients: with at least one visible instance; so for studies and series.
        studies: see patients.
        series: see patients.
        instances: visible ones.
        deleted: instances that can still be brought back.
        bytes_in: sum of the sizes of the visible instances as they were received.
        bytes_kept: sum of what is kept for them.
        bytes_stored: all blobs of the store, those that wait for the collector too.
        jobs_waiting: jobs to be done.
        jobs_failed: jobs that wait for a person.
        groups: by modality and codec.
    """

    patients: int
    studies: int
    series: int
    instances: int
    deleted: int
    bytes_in: int
    bytes_kept: int
    bytes_stored: int
    jobs_waiting: int
    jobs_failed: int
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class SeriesSize:
    """What is kept for the visible instances of a series."""

    uid: str
    modality: str
    bytes_kept: int


def series_sizes(catalog: Catalog, series: Sequence[int]) -> dict[int, SeriesSize]:
    """The sizes of some series, by row number; those without a visible instance are left out."""
    sql = (
        "SELECT series.id, SeriesInstanceUID AS uid, Modality AS modality, sum(stored_bytes) AS bytes_kept "
        "FROM instance JOIN series ON series.id = instance.series WHERE series.id = ? AND hidden_at IS NULL "
        "GROUP BY series.id"
    )
    rows = (row for one in series for row in catalog.read(sql, (one,)))
    return {row["id"]: SeriesSize(row["uid"], row["modality"], row["bytes_kept"]) for row in rows}


def stats(catalog: Catalog) -> Stats:
    """Count what there is, on one committed state."""
    with catalog.snapshot() as query:

        def number(sql: str) -> int:
            return int(next(query(f"SELECT ({sql}) AS n", ()))["n"] or 0)

        rows = query(
            "SELECT Modality AS modality, CASE WHEN state = 'received' THEN 'waiting' ELSE codec END AS how, "
            "count(*) AS instances, sum(size) AS bytes_in, sum(stored_bytes) AS bytes_kept "
            "FROM instance JOIN series ON series.id = instance.series WHERE hidden_at IS NULL "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            (),
        )
        groups = tuple(
            Group(row["modality"], row["how"], row["instances"], row["bytes_in"], row["bytes_kept"]) for row in rows
        )
        return Stats(
            patients=number("SELECT count(*) FROM patient WHERE instances > 0"),
            studies=number("SELECT count(*) FROM study WHERE instances > 0"),
            series=number("SELECT count(*) FROM series WHERE instances > 0"),
            instances=sum(group.instances for group in groups),
            deleted=number("SELECT count(*) FROM instance WHERE hidden_at IS NOT NULL"),
            bytes_in=sum(group.bytes_in for group in groups),
            bytes_kept=sum(group.bytes_kept for group in groups),
            bytes_stored=number("SELECT sum(size) FROM blob"),
            jobs_waiting=number("SELECT count(*) FROM job WHERE state <> 'failed'"),
            jobs_failed=number("SELECT count(*) FROM job WHERE state = 'failed'"),
            groups=groups,
        )
