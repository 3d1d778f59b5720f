"""Report: the content tree of a structured report as a page can show it (PS3.3 C.17.3)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from medarchive.dicom.display import or_else
from medarchive.dicom.subject import text_of

__all__ = ["Node", "tree"]

_DEEPEST = 30
_MOST = 3000


@dataclass(slots=True)
class Node:
    """An item of the content.

    Attributes:
        kind: its Value Type.
        name: its concept.
        value: what it says, as text.
        uid: SOP Instance UID of the object that it points to, or "".
        below: items of its content.
    """

    kind: str
    name: str
    value: str
    uid: str = ""
    below: list["Node"] = field(default_factory=list)


def tree(dataset: Dataset) -> Node:
    """The content of a report, from its root; of very long ones the beginning."""
    return _node(dataset, 0, iter(range(_MOST)))


def _node(item: Dataset, depth: int, left: Iterator[int]) -> Node:
    kind = text_of(item, "ValueType")
    node = Node(kind, _meaning(item, "ConceptNameCodeSequence"), or_else("", lambda: _value(item, kind)))
    node.uid = or_else("", lambda: text_of(item.ReferencedSOPSequence[0], "ReferencedSOPInstanceUID"))
    for each in item.get("ContentSequence") or () if depth < _DEEPEST else ():
        if next(left, None) is None:
            node.below.append(Node("", "and more", ""))
            break
        node.below.append(_node(each, depth + 1, left))
    return node


_ATTRIBUTES = {
    "TEXT": "TextValue",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "PNAME": "PersonName",
    "UIDREF": "UID",
    "SCOORD": "GraphicType",
    "SCOORD3D": "GraphicType",
    "TCOORD": "TemporalRangeType",
}


def _value(item: Dataset, kind: str) -> str:
    if kind == "CODE":
        return _meaning(item, "ConceptCodeSequence")
    if kind == "NUM":
        measured = item.MeasuredValueSequence[0]
        unit = _meaning(measured, "MeasurementUnitsCodeSequence")
        return f"{measured.NumericValue} {'' if unit == 'no units' else unit}".strip()
    return text_of(item, _ATTRIBUTES[kind]) if kind in _ATTRIBUTES else ""


def _meaning(item: Dataset, keyword: str) -> str:
    """Code Meaning of the code in a sequence, or the code itself."""
    code = or_else(None, lambda: item[keyword].value[0])
    return "" if code is None else text_of(code, "CodeMeaning") or text_of(code, "CodeValue")
