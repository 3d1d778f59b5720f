"""Recall: originals that went out of sight for versions with loss come back."""

from collections.abc import Iterable

from medarchive.archive.catalog import Transaction
from medarchive.archive.deletion import hide, unhide
from medarchive.errors import NotFound

__all__ = ["recall", "recall_series"]

_RETIRED = (
    "SELECT 1 FROM derivation JOIN instance ON instance.id = derivation.source "
    "WHERE source_uid = ? AND retired_at IS NOT NULL AND hidden_at IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM instance AS i WHERE i.SOPInstanceUID = source_uid AND i.hidden_at IS NULL)"
)


def recall(transaction: Transaction, uids: Iterable[str]) -> int:
    """Bring back those of some instances that the policy took out of sight and that are not purged; how many.

    For those that a newcomer refers to: it must find them as they were.
    """
    found = [uid for uid in uids if transaction.execute(_RETIRED, (uid,))]
    for uid in found:
        unhide(transaction, uid)
    return len(found)


def recall_series(transaction: Transaction, series_uid: str) -> int:
    """Bring back the originals of a series, and take what was derived from them out of sight; how many were derived.

    They are not derived again: what was done and undone stays noted.

    Raises:
        NotFound: nothing was derived from such a series.
    """
    rows = transaction.execute(_DERIVED, (series_uid, series_uid))
    if not rows:
        raise NotFound(f"nothing that was derived from series {series_uid} is in sight, and no original can come back")
    recall(transaction, [row["source_uid"] for row in rows])
    for row in rows:
        if row["visible"]:
            hide(transaction, row["derived_uid"])
        transaction.execute(
            "DELETE FROM job WHERE kind = 'retire' AND target = ? AND state <> 'leased'", (row["series"],)
        )
    return len(rows)


_DERIVED = (
    "SELECT derivation.source_uid, derived_uid, s.series AS series, d.hidden_at IS NULL AS visible FROM derivation "
    "JOIN instance AS d ON d.id = derivation.derived JOIN series AS ds ON ds.id = d.series "
    "JOIN instance AS s ON s.id = derivation.source JOIN series AS ss ON ss.id = s.series "
    "WHERE (ss.SeriesInstanceUID = ? OR ds.SeriesInstanceUID = ?) AND (d.hidden_at IS NULL OR s.hidden_at IS NOT NULL)"
)
