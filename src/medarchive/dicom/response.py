"""A C-FIND response: the attributes that were asked for, of one match (PS3.4 C.4.1.1.3.2)."""

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from medarchive.dicom.query import KNOWN, Level, Match

__all__ = ["response"]

_ALWAYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")
_UNICODE = "ISO_IR 192"


def response(match: Match, identifier: Dataset, *, retrieve_ae_title: str) -> Dataset:
    """What is returned for a match: every key of the request at or above its level, empty where nothing is known.

    Args:
        match: what was found.
        identifier: the request's identifier.
        retrieve_ae_title: where C-MOVE finds the objects: our own AE title.
    """
    answer = Dataset()
    answer.QueryRetrieveLevel = str(match.level)
    answer.RetrieveAETitle = retrieve_ae_title
    for element in identifier:
        keyword = element.keyword
        if keyword in ("QueryRetrieveLevel", "RetrieveAETitle", "SpecificCharacterSet"):
            continue
        if keyword == "InstanceAvailability":
            answer.InstanceAvailability = "ONLINE"
        elif element.tag.is_private or element.VR == "SQ" or not keyword:
            continue
        elif keyword in KNOWN:
            if keyword in match.values:
                _set(answer, keyword, match.values[keyword])
        else:
            answer.add(DataElement(element.tag, element.VR, None))
    for keyword in _ALWAYS:
        if match.values.get(keyword) and keyword not in answer and KNOWN[keyword][0] in _upto(match.level):
            _set(answer, keyword, match.values[keyword])
    if not all(value.isascii() for value in match.values.values()):
        answer.SpecificCharacterSet = _UNICODE
    return answer


def _upto(level: Level) -> tuple[Level, ...]:
    order = tuple(Level)
    return order[: order.index(level) + 1]


def _set(answer: Dataset, keyword: str, text: str) -> None:
    """Put a value in its VR's form. What was indexed from an odd header may have none: then it goes out empty."""
    attribute = KNOWN[keyword][1]
    parts = text.split("\\") if text else []
    number = attribute.vr in ("US", "UL")
    if number and not all(part.isascii() and part.isdigit() for part in parts):
        parts = []
    values: list[object] = [int(part) if number else part for part in parts]
    try:
        value = values[0] if len(values) == 1 else values or None
        answer.add(DataElement(attribute.tag, attribute.vr, value, validation_mode=IGNORE))
    except (TypeError, ValueError, OverflowError):
        answer.add(DataElement(attribute.tag, attribute.vr, None))
