"""Build: the derived version of an instance, made, measured and described, and not yet stored."""

import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from medarchive.archive import lossy
from medarchive.archive.blobs import CHUNK
from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.files import Files
from medarchive.archive.how import How
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging
from medarchive.codecs import verified
from medarchive.dicom.attributes import Indexed, extract
from medarchive.dicom.derive import Loss, derived_uid, write_derived
from medarchive.dicom.instance_blob import split
from medarchive.dicom.part10 import read_header
from medarchive.dicom.recipe import Verbatim
from medarchive.dicom.source import open_source
from medarchive.errors import MayNotLose
from medarchive.image import Image
from medarchive.policy import Rule
from medarchive.settings import Settings

__all__ = ["Builder", "Built", "Sampled"]


@dataclass(frozen=True, slots=True)
class Built:
    """A derived instance that nobody has stored yet.

    Attributes:
        header: its header blob.
        made: its pixels.
        indexed: what the catalogue indexes of it.
        record: how it would be kept; blobs, row and series are still its original's.
    """

    header: bytes
    made: lossy.Made
    indexed: Indexed
    record: InstanceRecord

    @property
    def bytes(self) -> int:
        """What it takes to keep it."""
        return len(self.header) + len(self.made.container)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What came of instances that were derived and thrown away.

    Attributes:
        bytes: that it would take to keep what was derived.
        missed: the fidelity profile that one of them does not reach at the rule's quality; otherwise empty.
    """

    bytes: int
    missed: str


class Builder:
    """Makes versions with loss, and keeps none of them."""

    def __init__(self, settings: Settings, files: Files, staging: Staging) -> None:
        self._settings = settings
        self._files = files
        self._staging = staging

    def build(self, record: InstanceRecord, rule: Rule) -> Built:
        """Make the derived instance, and keep nothing.

        Raises:
            MayNotLose: nothing may be lost of this instance.
            CodecError: what was encoded did not pass the proof.
            BlobMissing, BlobCorrupt: the original cannot be read.
        """
        settings = self._settings
        with self._files.opened(record) as file:
            source = open_source(file)
        made = lossy.encode(source, rule, codecs=settings.codecs, effort=settings.effort, workers=settings.workers)
        uid = derived_uid(record.uid, record.dataset_sha256, rule.what)
        ratio = source.recipe.body_bytes / len(made.container)
        description = f"Lossy compression, {rule.what}: {made.description}; ratio {ratio:.4g}"
        loss = Loss(rule.what, made.method, description, ratio)
        before, behind = write_derived(source, made.image, loss, uid, dt.datetime.now().astimezone())
        with Spool(self._staging, settings.max_memory_bytes) as spool:
            spool.write(before)
            for data in source.recipe.data([made.image]):
                spool.write(data)
            spool.write(behind)
            size, sha256 = spool.size, spool.sha256
            with spool.finished() as file:
                return self._described(file, made, replace(record, uid=uid, size=size, sha256=sha256))

    def measure(self, records: Sequence[InstanceRecord], rule: Rule) -> Sampled:
        """What it would take to keep what is derived from some instances of a series. Keeps nothing.

        Raises:
            MayNotLose, CodecError, BlobMissing, BlobCorrupt: see ``build``.
        """
        built = [self.build(record, rule) for record in records]
        alone = Sampled(sum(each.bytes for each in built), next((b.made.missed for b in built if b.made.missed), ""))
        images = [each.made.image for each in built]
        alike = {(image.pixels.shape, image.pixels.dtype, image.bits) for image in images}
        if len(built) < 2 or len(alike) > 1 or any(each.record.state == "kept" for each in built):
            return alone
        together = verified.encode(
            [Image(np.concatenate([image.pixels for image in images]), images[0].bits)],
            io.BytesIO(),
            codecs=How.of(self._settings).together,
            max_error=built[0].made.max_error,
            effort=self._settings.effort,
            workers=self._settings.workers,
        )
        return replace(alone, bytes=min(alone.bytes, together.size + sum(len(each.header) for each in built)))

    def _described(self, file: BinaryIO, made: lossy.Made, record: InstanceRecord) -> Built:
        """Split the derived file, whose frames are in the container already."""
        header = read_header(file)
        indexed = extract(header)
        parts = split(file)
        if isinstance(parts, Verbatim):
            raise MayNotLose(f"its derived version cannot be taken apart: {parts}")
        file.seek(header.dataset_offset)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        kept = replace(
            record,
            transfer_syntax=header.transfer_syntax,
            dataset_offset=header.dataset_offset,
            dataset_sha256=digest.hexdigest(),
            state="alone" if self._waits(made, len(parts.frames)) else "kept",
            form="split",
            codec=made.codec,
            reason="",
            stored_bytes=len(parts.header) + len(made.container),
            entry=0,
            first_frame=0,
            frames=len(parts.frames),
            entry_frames=len(parts.frames),
            tried="",
            max_error=made.max_error,
        )
        return Built(parts.header, made, indexed, kept)

    def _waits(self, made: lossy.Made, frames: int) -> bool:
        """Whether it will be coded together with the others of its series: exactly, within the bound that made it."""
        return frames == 1 and made.max_error > 0 and bool(How.of(self._settings).together)
