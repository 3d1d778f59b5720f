"""Mentions: which instances the stored reports, key objects, presentation states, segmentations and plans refer to.

Nothing that is referred to may be replaced by a version with loss. What an object mentions is recorded in the
transaction that catalogues it; for those of older archives a ``refer`` job reads it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from medarchive.archive.catalog import InstanceRecord, Row, Transaction
from medarchive.dicom.refers import references
from medarchive.errors import DicomError, LimitExceeded

__all__ = ["forget_mentions", "mention", "mentioned", "note_mentions", "read_mentions"]

Read = Callable[[str, Sequence[object]], Sequence[Row]]
"""``Catalog.read`` or ``Transaction.execute``."""


def mention(transaction: Transaction, instance: int, uids: Iterable[str]) -> None:
    """Record what an instance mentions."""
    for uid in uids:
        transaction.execute("INSERT INTO mention (uid, instance) VALUES (?, ?) ON CONFLICT DO NOTHING", (uid, instance))


def note_mentions(transaction: Transaction, instance: int, uids: Iterable[str]) -> None:
    """Record what a ``refer`` job found; from now on the instance is read."""
    mention(transaction, instance, uids)
    transaction.execute("UPDATE instance SET unread = NULL WHERE id = ?", (instance,))


def read_mentions(record: InstanceRecord, opened: Callable[[InstanceRecord], BinaryIO]) -> frozenset[str]:
    """What a stored instance mentions.

    Args:
        record: the instance.
        opened: gives its file.

    Raises:
        BlobCorrupt, BlobMissing: it cannot be read.
    """
    with opened(record) as file:
        try:
            return references(file)
        except (DicomError, LimitExceeded):  # it was stored all the same; nobody else can follow it either
            return frozenset()


def mentioned(read: Read, uid: str) -> str | None:
    """Why an instance must stay for the sake of those that mention it; None where there is no such reason.

    Hidden ones count, too, until they are purged: they can come back.
    """
    for row in read(_WHO, (uid,)):
        return f"{row['modality'] or 'an object'} {row['uid']} refers to it"
    for row in read("SELECT SOPInstanceUID AS uid FROM instance WHERE unread = 1 LIMIT 1", ()):
        return f"what {row['uid']} refers to was not read yet; `medarchive jobs --run` does"
    return None


_WHO = (
    "SELECT instance.SOPInstanceUID AS uid, series.Modality AS modality FROM mention "
    "JOIN instance ON instance.id = mention.instance JOIN series ON series.id = instance.series "
    "WHERE mention.uid = ? LIMIT 1"
)


def forget_mentions(transaction: Transaction, instance: int) -> None:
    """The instance is purged, and with it what it mentions."""
    transaction.execute("DELETE FROM mention WHERE instance = ?", (instance,))
