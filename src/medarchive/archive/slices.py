"""Slices: instances of one frame that can be coded together, in the order in which they lie in the body."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from medarchive.archive.blobs import BlobStore
from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.codecs.spec import ImageSpec
from medarchive.dicom.instance_blob import head_of
from medarchive.dicom.place import Place, place
from medarchive.errors import BlobCorrupt, CodecError, CorruptStream
from medarchive.image import Image

__all__ = ["Slice", "SliceFrames", "cut", "slices"]

_MOST_BYTES = 64 << 20
"""Pixels of a group: reading one of its slices decodes all."""


@dataclass(frozen=True, slots=True)
class Slice:
    """An instance of one frame.

    Attributes:
        record: where it is.
        spec: of its frame.
        place: sorts it among its series.
    """

    record: InstanceRecord
    spec: ImageSpec
    place: Place


def slices(blobs: BlobStore, records: Iterable[InstanceRecord]) -> list[Slice]:
    """Those of some instances that are split and have one frame, in spatial order.

    Raises:
        BlobMissing: a header blob is not in the store.
        BlobCorrupt: one changed.
    """
    found = []
    for record in records:
        if record.form == "split":
            with blobs.open(record.blob) as stream:
                data = stream.read()
            try:
                recipe, head = head_of(data)
            except CodecError as error:
                raise BlobCorrupt(f"instance {record.uid}: blob {record.blob}: {error}") from error
            if recipe.frames == 1:
                found.append(Slice(record, replace(recipe.spec, frames=1), place(head)))
    return sorted(found, key=lambda each: (each.place, each.record.id))


def cut(ordered: Sequence[Slice], most: int) -> list[list[Slice]]:
    """Closed groups of at most ``most`` slices of one spec and bound, neighbours together, even in size."""
    alike: dict[tuple[ImageSpec, int], list[Slice]] = defaultdict(list)
    for each in ordered:
        alike[each.spec, each.record.max_error].append(each)
    groups = []
    for (spec, _), same in alike.items():
        room = max(min(most, _MOST_BYTES // max(spec.nbytes, 1)), 1)
        count = -(-len(same) // room)
        bounds = [len(same) * number // count for number in range(count + 1)]
        groups += [same[low:high] for low, high in pairwise(bounds)]
    return groups


class SliceFrames:
    """The frames of some slices as one image, decoded when they are asked for. Any thread may ask."""

    def __init__(self, decoded: Decoded, group: Sequence[Slice]) -> None:
        self._decoded = decoded
        self._group = group

    def __len__(self) -> int:
        """How many slices there are."""
        return len(self._group)

    def __getitem__(self, frames: slice) -> Image:
        """Consecutive slices as an image.

        Raises:
            CorruptStream: a container does not hold what the header blob says.
        """
        images = []
        for each in self._group[frames]:
            image = self._decoded.one(each.record, 0)
            if not each.spec.fits(image, 1):
                raise CorruptStream(f"instance {each.record.uid}: its container and its header blob do not fit")
            images.append(image.pixels)
        return Image(np.concatenate(images), self._group[0].spec.bits)
