"""Subject: what a header says about the pixels that a fidelity check needs to know."""

import math
import warnings
from dataclasses import dataclass
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset

from medarchive.codecs.fidelity import Rescale
from medarchive.errors import NotDicom

__all__ = ["Subject", "read_subject", "rescale_of", "text_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is in the picture, and in which unit.

    Attributes:
        modality: Modality (0008,0060), "" where it is absent.
        body_part: Body Part Examined (0018,0015), "" where it is absent.
        rescale: of all frames; the identity without a unit where there is none or frames differ.
        bits: Bits Stored (0028,0101); None where it is absent.
    """

    modality: str
    body_part: str
    rescale: Rescale
    bits: int | None


def read_subject(stream: BinaryIO) -> Subject:
    """Read a Part 10 file up to its pixel data.

    The rescale is the Modality LUT module's (PS3.3 C.11.1) or, of an enhanced object, the Pixel Value Transformation
    of its functional groups (PS3.3 C.7.6.16.2.9) where all frames share it.

    Raises:
        NotDicom: the file cannot be read.
    """
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values are not our business: what is odd about the rescale is seen below
        try:
            dataset = pydicom.dcmread(stream, stop_before_pixels=True)
            return Subject(
                modality=text_of(dataset, "Modality"),
                body_part=text_of(dataset, "BodyPartExamined"),
                rescale=_rescale(dataset),
                bits=int(dataset.BitsStored) if "BitsStored" in dataset else None,
            )
        except Exception as error:  # what pydicom raises on broken objects has no common root
            raise NotDicom(f"the header cannot be read: {type(error).__name__}: {error}") from error


def _rescale(dataset: Dataset) -> Rescale:
    found = [rescale_of(dataset)] if "RescaleSlope" in dataset else _of_groups(dataset)
    first = found[0] if found else Rescale()
    return first if all(one == first for one in found) else Rescale()


def _of_groups(dataset: Dataset) -> list[Rescale]:
    groups = [*dataset.get("SharedFunctionalGroupsSequence", []), *dataset.get("PerFrameFunctionalGroupsSequence", [])]
    return [rescale_of(one) for group in groups for one in group.get("PixelValueTransformationSequence", [])]


def rescale_of(dataset: Dataset) -> Rescale:
    """The rescale that stands in a data set or in an item; the identity without a unit where it is no line.

    Rescale Type defaults to HU in CT (PS3.3 C.8.2.1.1.2).
    """
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        return Rescale()
    kind = text_of(dataset, "RescaleType")
    hounsfield = kind == "HU" or (not kind and text_of(dataset, "Modality") == "CT")
    return Rescale(slope, intercept, "HU" if hounsfield else "")


def text_of(dataset: Dataset, keyword: str) -> str:
    """The value of an attribute as text, "" where it is absent."""
    return str(dataset.get(keyword) or "").strip(" \0")
