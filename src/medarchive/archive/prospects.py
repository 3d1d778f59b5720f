"""Prospects: what the policy would do to each stored series and save by it, and asking for it.

The instances of a series on which one rule decides get what it says together or not at all: where one of them must stay
as it is, all do. A volume of which some slices are in one series and some in another is of no use to anyone.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from medarchive.archive import batches, jobs
from medarchive.archive.blobs import BlobStore
from medarchive.archive.build import Builder
from medarchive.archive.catalog import Catalog, InstanceRecord, Transaction
from medarchive.archive.eligible import guarded, refusal
from medarchive.archive.files import Files
from medarchive.archive.instances import matching
from medarchive.archive.members import Member, by_rule, members
from medarchive.archive.recompress import all_series
from medarchive.errors import CodecError, MayNotLose
from medarchive.policy import Rule

__all__ = ["Outcome", "Prospect", "Prospects", "Refusal"]

_SAMPLE = 3
"""Instances in the middle of a series that an estimate encodes."""

Outcome = Literal["lossless", "derive", "under way", "done", "undone", "waits", "refused"]
"""``lossless``: a rule says so, or none says anything. ``derive``: it would be done. ``under way``: some is done or
queued. ``done``: all is. ``undone``: it was, and a person took something of it away. ``waits``: some instances do not
have their final form yet. ``refused``: some must stay as they are, or nothing would be saved."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why instances stay as they are.

    Attributes:
        reason: in words.
        instances: how many have it.
        uid: the first of them.
    """

    reason: str
    instances: int
    uid: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one rule means for one series.

    Attributes:
        series: row number.
        series_uid: Series Instance UID.
        modality: of the series.
        rule: number of the rule, from 1; 0 where none matches.
        what: the rule's action; ``lossless`` where none matches.
        outcome: see ``Outcome``.
        instances: on which the rule decides.
        refusals: why they stay, where they do.
        keep_original: whether the originals stay; None where nothing is derived.
        grace_days: for how long they stay where they do not.
        bytes_now: what is kept for the instances.
        bytes_derived: what would be kept for what is derived from them, estimated; None where it is not known.
        sampled: instances that were encoded for the estimate; 0 where ``bytes_derived`` is what is kept.
        retired: originals that went out of sight.
        missed: the fidelity profile for such images, where a sampled one does not reach it at the rule's quality.
    """

    series: int
    series_uid: str
    modality: str
    rule: int
    what: str
    outcome: Outcome
    instances: int
    refusals: tuple[Refusal, ...] = ()
    keep_original: bool | None = None
    grace_days: float = 0
    bytes_now: int = 0
    bytes_derived: int | None = None
    sampled: int = 0
    retired: int = 0
    missed: str = ""

    @property
    def saved(self) -> int | None:
        """Bytes that would come free in the end; below 0 where originals stay. None where it is not known."""
        if self.bytes_derived is None or self.outcome == "refused":
            return None
        return -self.bytes_derived if self.keep_original else self.bytes_now - self.bytes_derived


class Prospects:
    """Holds the policy against what is stored. Only ``ask`` changes anything."""

    def __init__(
        self, catalog: Catalog, blobs: BlobStore, files: Files, builder: Builder, rules: Sequence[Rule]
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._files = files
        self._builder = builder
        self._rules = rules

    def all(self, series_uids: Sequence[str] = ()) -> Iterator[Prospect]:
        """For each series what each rule that decides on instances of it means.

        Args:
            series_uids: only these series; empty: all.
        """
        for series in all_series(self._catalog):
            uid, modality = self._names(series)
            if series_uids and uid not in series_uids:
                continue
            found = [each for each in members(self._catalog.read, series) if not each.made]
            sets = by_rule(self._rules, found, dt.date.today())
            for match, some in sets.items():
                number, rule = match or (0, Rule("lossless"))
                plain = Prospect(series, uid, modality, number, rule.what, "lossless", len(some))
                yield self._prospect(plain, rule, some) if rule.loses else plain

    def ask(self, prospect: Prospect) -> int:
        """Queue what a prospect that is not refused says; how many instances are still to be derived.

        Where all is derived, the retirement of the originals is asked for.
        """
        if prospect.outcome not in ("derive", "under way", "done"):
            return 0
        rule = self._rules[prospect.rule - 1]
        found = members(self._catalog.read, prospect.series)
        match = (prospect.rule, rule)
        some = by_rule(self._rules, found, dt.date.today()).get(match, [])
        left = [each for each in some if not self._settled(each, rule)]

        def change(transaction: Transaction) -> None:
            for each in left:
                jobs.enqueue(transaction, "derive", each.id, batches.PRIORITY, options=str(rule))
            if not left and not rule.keep_original:
                jobs.enqueue(transaction, "retire", prospect.series, batches.PRIORITY)

        self._catalog.write(change)
        return len(left)

    def after(self, prospect: Prospect) -> Prospect:
        """What has become of a prospect: how much of it is done, and what is kept for it, measured."""
        if prospect.outcome not in ("derive", "under way", "done"):
            return prospect
        row = self._catalog.read(_MADE, (prospect.series, prospect.what))[0]
        if row["visible"] >= prospect.instances:
            return replace(prospect, outcome="done", bytes_derived=row["bytes"], sampled=0, retired=row["retired"])
        outcome: Outcome = "under way" if row["made"] < prospect.instances else "undone"
        return replace(prospect, outcome=outcome, bytes_derived=None, sampled=0)

    def derived_series(self, prospect: Prospect) -> list[str]:
        """The Series Instance UID of what was derived, if anything was."""
        rows = self._catalog.read(_SERIES, (prospect.series, prospect.what))
        return [row["uid"] for row in rows]

    def _prospect(self, plain: Prospect, rule: Rule, some: list[Member]) -> Prospect:
        wanted = {each.id for each in some}
        stored = matching(self._catalog, "instance.series = ? AND hidden_at IS NULL", plain.series)
        records = [record for record in stored if record.id in wanted]
        found = replace(
            plain,
            keep_original=rule.keep_original,
            grace_days=rule.grace_days,
            bytes_now=sum(record.stored_bytes for record in records),
        )
        reasons = self._refusals(records, some, rule)
        if reasons:
            return replace(found, outcome="refused", refusals=reasons)
        if not all(each.final for each in some):
            return replace(found, outcome="waits")
        settled = [self._settled(each, rule) for each in some]
        if all(settled):
            return self.after(replace(found, outcome="done"))
        if any(settled):
            return replace(found, outcome="under way")
        return self._estimated(found, records, rule)

    def _refusals(self, records: Sequence[InstanceRecord], some: Sequence[Member], rule: Rule) -> tuple[Refusal, ...]:
        """Why some instances must stay as they are."""
        reasons: dict[str, list[str]] = {}
        for record in records:
            reason = guarded(self._catalog.read, record.id, record.uid)
            reason = reason or refusal(self._blobs, record, self._files.opened)
            if reason:
                reasons.setdefault(reason, []).append(record.uid)
        for each in some:
            for row in self._catalog.read(_REFUSED, (each.id, rule.what)):
                reasons.setdefault(row["reason"], []).append(each.uid)
        return tuple(Refusal(reason, len(uids), uids[0]) for reason, uids in reasons.items())

    def _estimated(self, found: Prospect, records: Sequence[InstanceRecord], rule: Rule) -> Prospect:
        """Encode some of the middle, keep nothing, and say what all would come to."""
        first = max((len(records) - _SAMPLE) // 2, 0)
        sample = records[first : first + _SAMPLE]
        try:
            made = self._builder.measure(sample, rule)
        except (MayNotLose, CodecError) as error:
            return replace(found, outcome="refused", refusals=(Refusal(str(error), len(records), sample[0].uid),))
        whole, part = sum(record.size for record in records), sum(record.size for record in sample)
        size = made.bytes * whole // part
        found = replace(found, outcome="derive", bytes_derived=size, sampled=len(sample), missed=made.missed)
        assert found.bytes_derived is not None
        if found.bytes_derived >= found.bytes_now:
            reason = f"it would take {found.bytes_derived} bytes, and takes {found.bytes_now} without loss"
            return replace(found, outcome="refused", refusals=(Refusal(reason, len(records), records[0].uid),))
        return found

    def _settled(self, member: Member, rule: Rule) -> bool:
        return bool(self._catalog.read(_SETTLED, (member.id, rule.what)))

    def _names(self, series: int) -> tuple[str, str]:
        row = self._catalog.read("SELECT SeriesInstanceUID AS uid, Modality AS m FROM series WHERE id = ?", (series,))[
            0
        ]
        return row["uid"], row["m"]


_SETTLED = "SELECT 1 FROM derivation WHERE source = ? AND what = ? AND outcome = 'derived'"
_REFUSED = "SELECT reason FROM derivation WHERE source = ? AND what = ? AND outcome = 'refused'"
_OF_SET = (
    "FROM derivation JOIN instance AS s ON s.id = derivation.source LEFT JOIN instance AS d "
    "ON d.id = derivation.derived AND d.hidden_at IS NULL LEFT JOIN series ON series.id = d.series "
    "WHERE s.series = ? AND what = ? AND outcome = 'derived'"
)
_MADE = (
    "SELECT count(*) AS made, count(d.id) AS visible, sum(d.stored_bytes) AS bytes, "
    f"sum(retired_at IS NOT NULL AND s.hidden_at IS NOT NULL) AS retired {_OF_SET}"
)
_SERIES = f"SELECT DISTINCT SeriesInstanceUID AS uid {_OF_SET} AND d.id IS NOT NULL"
