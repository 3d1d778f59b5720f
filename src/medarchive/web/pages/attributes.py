"""Attributes: all that stands in an object's header, element by element."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from medarchive.dicom.display import or_else
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.entities import image
from medarchive.web.visits import visit

__all__ = ["Row", "attributes", "rows"]

_MOST_ROWS = 4000
_LONGEST = 400
_DEEPEST = 12
Row = dict[str, Any]


@needs("view")
def attributes(request: HttpRequest, uid: str) -> HttpResponse:
    """The attributes of an object as JSON, for the viewer's panel."""
    visit(request, image(request, uid).series_uid, "series")
    answer = JsonResponse({"rows": rows(here.archive().header(uid))})
    answer["Cache-Control"] = "private, no-cache"
    return answer


def rows(dataset: Dataset) -> list[Row]:
    """The elements of a header: ``depth`` in sequences, ``tag``, ``name``, ``vr``, ``value``; the first thousands."""
    found: list[Row] = []
    whole = [*_elements(getattr(dataset, "file_meta", Dataset())), *_elements(dataset)]
    for row in _rows(whole, 0):
        if len(found) == _MOST_ROWS:
            found.append({"depth": 0, "tag": "", "name": "and more", "vr": "", "value": ""})
            break
        found.append(row)
    return found


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for tag in sorted(dataset.keys()):
        element: object = or_else(None, lambda tag=tag: dataset[tag])  # type: ignore[misc]
        if isinstance(element, DataElement):  # what cannot be read is left out
            yield element


def _rows(elements: list[DataElement] | Iterator[DataElement], depth: int) -> Iterator[Row]:
    for element in elements:
        named = {"depth": depth, "tag": f"({element.tag.group:04X},{element.tag.element:04X})", "vr": element.VR}
        name = or_else("", lambda element=element: str(element.name))  # type: ignore[misc]
        if element.VR != "SQ":
            yield {**named, "name": name, "value": _text(element)}
            continue
        items = list(element.value or ())
        yield {**named, "name": name, "value": f"{len(items)} item{'' if len(items) == 1 else 's'}"}
        if depth < _DEEPEST:
            for number, item in enumerate(items, 1):
                yield {"depth": depth + 1, "tag": "", "vr": "", "name": f"Item {number}", "value": ""}
                yield from _rows(_elements(item), depth + 2)


def _text(element: DataElement) -> str:
    """A value in words; bytes are counted, not shown."""
    value = element.value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = or_else("", lambda: "\\".join(map(str, value)) if element.VM > 1 else "" if value is None else str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
