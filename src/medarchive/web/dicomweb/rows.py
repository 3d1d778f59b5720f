"""Rows: what is indexed of a study, series or instance, as DICOM JSON."""

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

from medarchive.dicom.query import KNOWN, Match
from medarchive.web.dicomweb.values import json_name, json_number

__all__ = ["dumped", "row"]


def dumped(answer: object) -> bytes:
    """As JSON in UTF-8."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def row(match: Match, keywords: Iterable[str] | None = None) -> dict[str, Any]:
    """Attributes of a match, by their tags; None: all that are there."""
    values = match.values
    fields = _fields(tuple(values) if keywords is None else tuple(keywords))
    return {tag: _element(vr, values[name]) for tag, name, vr in fields if name in values}


@functools.lru_cache(64)
def _fields(names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Tag, keyword and VR of those that are attributes, in the order of their tags."""
    known = sorted((KNOWN[name][1].tag, name, KNOWN[name][1].vr) for name in names if name in KNOWN)
    return tuple((f"{tag:08X}", name, vr) for tag, name, vr in known)


def _element(vr: str, text: str) -> dict[str, Any]:
    if not text:
        return {"vr": vr}
    kind = _KINDS.get(vr)
    if kind is None and "\\" not in text:
        return {"vr": vr, "Value": [text]}
    values = [(kind or _text)(part) for part in text.split("\\")]
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


def _text(part: str) -> str | None:
    return part or None


_KINDS: dict[str, Callable[[str], Any]] = {
    "PN": json_name,
    **dict.fromkeys(("DS", "IS"), json_number),
    **dict.fromkeys(("UL", "US"), lambda part: int(part) if part.isascii() and part.isdigit() else None),
}
