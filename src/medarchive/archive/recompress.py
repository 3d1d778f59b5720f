"""Recompress: what is stored is encoded again, with other codecs or more effort, when a person asks for it.

Asking only queues jobs. An instance bears the name of what it was tried with, so that asking again costs nothing, and
an interruption loses nothing: what is queued stays queued, what was not is queued by the next call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medarchive.archive import batches, jobs
from medarchive.archive.blobs import BlobStore
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.compress import Compressor
from medarchive.archive.how import How
from medarchive.archive.instances import matching
from medarchive.archive.pack import Packer
from medarchive.archive.slices import Slice, cut, slices

__all__ = ["Estimate", "Recompression", "all_series"]

_SAMPLE = 8
"""Groups and instances of a series that an estimate encodes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What recompressing a series would come to.

    Attributes:
        series_uid: its Series Instance UID.
        modality: its modality.
        instances: that would be encoded again.
        sampled: that were, to know.
        bytes_before: what is kept for the instances now.
        bytes_after: what would be, extrapolated from the sample.
    """

    series_uid: str
    modality: str
    instances: int
    sampled: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is encoded at once: some slices together, or one instance."""

    records: tuple[InstanceRecord, ...]
    group: tuple[Slice, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(record.stored_bytes for record in self.records)


class Recompression:
    """Encodes again what was not yet tried in this way, series by series."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, compressor: Compressor, packer: Packer, how: How) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._compressor = compressor
        self._packer = packer
        self._how = how

    def queue(self, series: int, only: Sequence[int] = ()) -> int:
        """Ask for the jobs of a series, or of some of its instances and what shares containers with them.

        Args:
            series: row number.
            only: row numbers; empty: all.

        Returns:
            The number of the series' instances that are queued now, by this call or an earlier one.
        """
        units = self._units(series, only)

        def change(transaction: Transaction) -> None:
            for unit in units:
                self._ask(transaction, unit)

        if units:
            self._catalog.write(change)
        return int(self._catalog.read(_QUEUED, (series,))[0]["n"])

    def estimate(self, series: int, only: Sequence[int] = ()) -> Estimate | None:
        """Encode some of what would be queued, and keep nothing; None where nothing would be."""
        units = self._units(series, only)
        if not units:
            return None
        step = max(len(units) / _SAMPLE, 1.0)
        sample = [units[int(number * step)] for number in range(min(len(units), _SAMPLE))]
        after = sum(min(self._measured(unit), unit.bytes) for unit in sample)
        before, sampled = sum(unit.bytes for unit in units), sum(unit.bytes for unit in sample)
        return Estimate(
            series_uid=units[0].records[0].series_uid,
            modality=units[0].records[0].modality,
            instances=sum(len(unit.records) for unit in units),
            sampled=sum(len(unit.records) for unit in sample),
            bytes_before=before,
            bytes_after=before * after // max(sampled, 1),
        )

    def _units(self, series: int, only: Sequence[int]) -> list[_Unit]:
        records = matching(self._catalog, _DUE, series, self._how.name)
        if only:
            wanted = set(only)
            mates = {record.container for record in records if record.id in wanted and record.shared}
            records = [record for record in records if record.id in wanted or (record.container in mates and mates)]
        ordered = slices(self._blobs, records) if self._how.together else []
        groups = cut(ordered, self._how.group_slices)
        taken = {each.record.id for each in ordered}
        units = [_Unit(tuple(each.record for each in group), tuple(group)) for group in groups]
        return units + [_Unit((record,)) for record in records if record.id not in taken]

    def _ask(self, transaction: Transaction, unit: _Unit) -> None:
        options = self._how.packed()
        if unit.group:
            batches.ask(transaction, "pack", [record.id for record in unit.records], options)
        else:
            jobs.enqueue(transaction, "compress", unit.records[0].id, batches.PRIORITY, options=options)

    def _measured(self, unit: _Unit) -> int:
        if unit.group:
            return self._packer.measure(unit.group, self._how)
        return self._compressor.measure(unit.records[0], self._how)


_DUE = (
    "instance.series = ? AND hidden_at IS NULL AND batch IS NULL AND state <> 'received' AND tried <> ? "
    "AND NOT EXISTS (SELECT 1 FROM job WHERE job.kind = 'compress' AND job.target = instance.id)"
)
_QUEUED = (
    "SELECT count(*) AS n FROM instance WHERE series = ? AND hidden_at IS NULL AND "
    "(batch IN (SELECT target FROM job WHERE kind = 'pack' AND options <> '') "
    "OR id IN (SELECT target FROM job WHERE kind = 'compress' AND options <> ''))"
)


def all_series(catalog: Catalog) -> Iterator[int]:
    """The row numbers of the series that have visible instances."""
    last = 0
    while rows := catalog.read("SELECT id FROM series WHERE instances > 0 AND id > ? ORDER BY id LIMIT 500", (last,)):
        yield from (row["id"] for row in rows)
        last = rows[-1]["id"]
