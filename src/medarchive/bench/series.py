"""Series: the pixels of a few images that belong together, as every codec gets them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
from pydicom.uid import UID

from medarchive.bench.sources import Found, PassedOver, Source
from medarchive.codecs.spec import ImageSpec
from medarchive.dicom.frames import all_frames, file_frame
from medarchive.dicom.part10 import read_header
from medarchive.errors import MedarchiveError
from medarchive.image import Image

__all__ = ["About", "Series", "loaded"]


@dataclass(frozen=True, slots=True)
class About:
    """What a series is, without its pixels.

    Attributes:
        name: modality and a number.
        modality: as the files say, "-" where they do not.
        uid: SeriesInstanceUID, empty where there is none.
        frames: how many.
        rows: of each.
        columns: of each.
        samples: per pixel.
        bits: significant bits.
        signed: whether values are signed.
        pixels: frames x rows x columns; a colour pixel counts once.
        raw_bytes: of the values uncompressed; eight one-bit values to a byte.
    """

    name: str
    modality: str
    uid: str
    frames: int
    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool
    pixels: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Frames of one shape, dtype and number of bits: stored values, neighbouring slices behind each other."""

    about: About
    image: Image

    @classmethod
    def of(cls, name: str, modality: str, uid: str, image: Image) -> Self:
        """The series that an image is."""
        frames, rows, columns, samples = image.pixels.shape
        raw = -(-image.pixels.size // 8) if image.bits == 1 else image.pixels.nbytes
        shape = (frames, rows, columns, samples, image.bits, image.signed)
        return cls(About(name, modality, uid, *shape, frames * rows * columns, raw), image)


def loaded(found: Found) -> tuple[list[Series], list[PassedOver]]:
    """The pixels of a series; several where its frames turn out to differ in shape, dtype or bits."""
    frames: dict[ImageSpec, list[Image]] = {}
    passed_over = []
    for source in found.sources:
        try:
            images = list(_frames(source))
            for image in images:
                image.check_range()
                frames.setdefault(ImageSpec.of(image, 1), []).append(image)
            if not images:
                passed_over.append(PassedOver(source.path, "none of the frames that its header counts is there"))
        except (MedarchiveError, OSError) as error:
            passed_over.append(PassedOver(source.path, getattr(error, "strerror", None) or str(error)))
    series = []
    for number, (spec, images) in enumerate(frames.items(), 1):
        name = found.name if len(frames) == 1 else f"{found.name}.{number}"
        image = Image(np.concatenate([image.pixels for image in images]), spec.bits)
        series.append(Series.of(name, found.modality, found.uid, image))
    return series, passed_over


def _frames(source: Source) -> Iterator[Image]:
    with source.path.open("rb") as stream:
        syntax = UID(read_header(stream).transfer_syntax)
        if source.start and not syntax.is_private and syntax.is_encapsulated:
            for index in range(source.start, source.stop):  # frames before it need not be decoded
                yield file_frame(stream, index)
        else:
            yield from islice(all_frames(stream), source.start, source.stop)
