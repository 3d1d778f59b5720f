"""Eligible: whether an instance may be replaced by a version with loss, by what the archive knows and by its header."""

import io
import time
import warnings
from collections.abc import Callable
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset

from medarchive.archive.blobs import BlobStore
from medarchive.archive.catalog import InstanceRecord, Transaction
from medarchive.archive.mentions import Read, mentioned
from medarchive.dicom.instance_blob import head_of
from medarchive.dicom.loss import may_not_lose
from medarchive.errors import BlobCorrupt, CodecError

__all__ = ["commit", "guarded", "refusal"]


def guarded(read: Read, instance: int, uid: str) -> str | None:
    """Why others forbid that an instance loses something or goes; None where they do not.

    Args:
        read: ``Catalog.read``, or ``Transaction.execute`` to know it for certain.
        instance: row number.
        uid: SOP Instance UID.
    """
    if read("SELECT 1 FROM instance WHERE id = ? AND committed_at IS NOT NULL", (instance,)):
        return "the archive has committed itself to keep it"
    return mentioned(read, uid)


def commit(transaction: Transaction, record: InstanceRecord) -> bool:
    """Note that the archive answers for an instance that was just given back (PS3.4 J); False where it is gone."""
    sql = "UPDATE instance SET committed_at = coalesce(committed_at, ?) WHERE id = ? AND sha256 = ? "
    sql += "AND hidden_at IS NULL RETURNING id"
    return bool(transaction.execute(sql, (time.time(), record.id, record.sha256)))


def refusal(blobs: BlobStore, record: InstanceRecord, opened: Callable[[InstanceRecord], BinaryIO]) -> str | None:
    """Why an instance's own header forbids loss; None where it does not.

    Args:
        blobs: for the header blob of one that is split, which is all that is read of it.
        record: the instance.
        opened: gives the file of one that is not.

    Raises:
        BlobMissing, BlobCorrupt: it cannot be read.
    """
    if record.form != "split":
        with opened(record) as file:
            return _of_file(file, record)
    with blobs.open(record.blob) as stream:
        data = stream.read()
    try:
        return _of_file(io.BytesIO(head_of(data)[1]), record)
    except CodecError as error:
        raise BlobCorrupt(f"instance {record.uid}: blob {record.blob}: {error}") from error


def _of_file(file: BinaryIO, record: InstanceRecord) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset: Dataset = pydicom.dcmread(file, stop_before_pixels=True)
            return may_not_lose(dataset, record.transfer_syntax)
    except Exception as error:  # noqa: BLE001  # what pydicom raises on broken objects has no common root
        return f"its data set cannot be read: {type(error).__name__}"
