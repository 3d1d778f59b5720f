"""What the catalogue indexes of an object: the attributes of PS3.4 C.6 that people and modalities ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydicom.datadict import dictionary_VR, tag_for_keyword

__all__ = ["LEVELS", "WANTED", "Attribute", "Indexed", "Level", "Values", "extract"]

_LONGEST = 1024


class Level(StrEnum):
    """The levels of the Query/Retrieve information models (PS3.4 C.6)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An indexed attribute: its keyword, tag and value representation (PS3.6)."""

    keyword: str
    tag: int
    vr: str


def _attributes(keywords: str) -> tuple[Attribute, ...]:
    attributes = []
    for keyword in keywords.split():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        attributes.append(Attribute(keyword, tag, dictionary_VR(tag)))
    return tuple(attributes)


LEVELS: Mapping[Level, tuple[Attribute, ...]] = {
    Level.PATIENT: _attributes(
        "PatientID IssuerOfPatientID PatientName PatientBirthDate PatientBirthTime PatientSex OtherPatientIDs "
        "EthnicGroup PatientComments"
    ),
    Level.STUDY: _attributes(
        "StudyInstanceUID StudyDate StudyTime AccessionNumber StudyID StudyDescription ReferringPhysicianName "
        "NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription PatientAge PatientSize PatientWeight "
        "InstitutionName"
    ),
    Level.SERIES: _attributes(
        "SeriesInstanceUID Modality SeriesNumber SeriesDate SeriesTime SeriesDescription BodyPartExamined "
        "ProtocolName Laterality PatientPosition OperatorsName PerformingPhysicianName StationName Manufacturer "
        "ManufacturerModelName PerformedProcedureStepStartDate PerformedProcedureStepStartTime FrameOfReferenceUID"
    ),
    Level.IMAGE: _attributes(
        "SOPInstanceUID SOPClassUID InstanceNumber ImageType ContentDate ContentTime AcquisitionDate "
        "AcquisitionTime AcquisitionNumber InstanceCreationDate InstanceCreationTime Rows Columns NumberOfFrames "
        "SamplesPerPixel PhotometricInterpretation BitsAllocated BitsStored PixelRepresentation ImageComments "
        "ContentLabel ContentDescription"
    ),
}
"""The indexed attributes of each level. The catalogue has a column for each, named by the keyword."""


_PIXELS = _attributes(
    "SpecificCharacterSet SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns "
    "BitsAllocated BitsStored HighBit PixelRepresentation"
)
_PLACE = _attributes("ImagePositionPatient ImageOrientationPatient")
WANTED = frozenset(attribute.tag for attributes in (*LEVELS.values(), _PIXELS, _PLACE) for attribute in attributes)
"""Tags of all elements whose values are read from a header: the indexed ones, those that describe the pixels, and those
that say where they lie."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The indexed values of one object by keyword; several values are joined by a backslash, absent ones empty."""

    patient: dict[str, str]
    study: dict[str, str]
    series: dict[str, str]
    image: dict[str, str]


class Values(Protocol):
    """Whatever can give an element's value as text."""

    @property
    def values(self) -> Mapping[int, object]:
        """What is there, by tag."""
        ...

    def text(self, tag: int, vr: str) -> str:
        """The value, several values joined by a backslash; empty where it is absent. Never raises."""
        ...


_PLACES = {attribute.tag: (number, attribute) for number, level in enumerate(Level) for attribute in LEVELS[level]}
_NOTHING = tuple(dict.fromkeys((attribute.keyword for attribute in LEVELS[level]), "") for level in Level)


def extract(header: Values) -> Indexed:
    """The indexed values of a header."""
    levels = [nothing.copy() for nothing in _NOTHING]
    for tag in header.values:
        if tag in _PLACES:
            number, attribute = _PLACES[tag]
            levels[number][attribute.keyword] = _clean(header.text(tag, attribute.vr))
    return Indexed(*levels)


def _clean(text: str) -> str:
    """Without padding around each value; SQLite and every terminal take text, and a NUL or a lone surrogate is none."""
    text = "\\".join(part.strip(" \0") for part in text.split("\\")) if "\\" in text else text.strip(" \0")
    if "\0" in text or not text.isascii():
        text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text[:_LONGEST]
