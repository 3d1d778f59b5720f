"""Derivations: which instance was derived from which, how, with what fidelity, and when the original went for it."""

import time
from dataclasses import dataclass
from typing import Literal

from medarchive.archive.catalog import Catalog, Row, Transaction

__all__ = ["Derivation", "derivations", "forget_links", "note_derived", "note_refused", "settled"]


@dataclass(frozen=True, slots=True)
class Derivation:
    """What became of an instance under the policy.

    Attributes:
        what: was done, ``near-lossless 2``.
        source: row number of the original; None when it was purged.
        source_uid: its SOP Instance UID.
        derived: row number of what was derived from it; None where nothing was, or when that was purged.
        derived_uid: its SOP Instance UID.
        outcome: ``derived``, or ``refused`` where none could be made.
        reason: why it was refused.
        report: what was measured, JSON.
        created_at: seconds since 1970.
        retired_at: when the original went out of sight for it; None where it did not.
    """

    what: str
    source: int | None
    source_uid: str
    derived: int | None
    derived_uid: str
    outcome: Literal["derived", "refused"]
    reason: str
    report: str
    created_at: float
    retired_at: float | None


def derivations(catalog: Catalog, condition: str, *parameters: object) -> list[Derivation]:
    """Those of an SQL condition over the table ``derivation``, the oldest first."""
    rows = catalog.read(f"SELECT * FROM derivation WHERE {condition} ORDER BY id", parameters)
    return [_derivation(row) for row in rows]


def settled(transaction: Transaction, source: int, what: str) -> bool:
    """Whether this was done to an instance, or refused, before."""
    return bool(transaction.execute("SELECT 1 FROM derivation WHERE source = ? AND what = ?", (source, what)))


def note_derived(transaction: Transaction, source: int, what: str, derived: int, report: str) -> None:
    """Link what was derived to its original."""
    transaction.execute(f"{_INSERT} 'derived', '', ? {_PAIR}", (what, report, time.time(), source, derived))


def note_refused(transaction: Transaction, source: int, what: str, reason: str) -> None:
    """Nothing could be derived from an instance, and it need not be tried again."""
    transaction.execute(
        "INSERT INTO derivation (what, source, source_uid, derived_uid, outcome, reason, report, created_at) "
        "SELECT ?, id, SOPInstanceUID, '', 'refused', ?, '', ? FROM instance WHERE id = ?",
        (what, reason, time.time(), source),
    )


_INSERT = (
    "INSERT INTO derivation (what, outcome, reason, report, created_at, source, source_uid, derived, derived_uid) "
    "SELECT ?,"
)
_PAIR = (
    ", ?, s.id, s.SOPInstanceUID, d.id, d.SOPInstanceUID FROM instance AS s, instance AS d WHERE s.id = ? AND d.id = ?"
)


def forget_links(transaction: Transaction, instance: int) -> None:
    """The instance is purged; its number may be another's one day, its UID stays where it was noted."""
    for column in ("source", "derived"):
        transaction.execute(f"UPDATE derivation SET {column} = NULL WHERE {column} = ?", (instance,))


def _derivation(row: Row) -> Derivation:
    return Derivation(**{name: row[name] for name in Derivation.__slots__})
