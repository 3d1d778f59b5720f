"""Rows: what is indexed of a study, series or instance, as DICOM JSON."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from medarchive.dicom.query import KNOWN, Match
from medarchive.web.dicomweb.values import json_name, json_number

__all__ = ["dumped", "element", "row"]


def dumped(answer: object) -> bytes:
    """As JSON in UTF-8."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def row(match: Match, keywords: Iterable[str] | None = None) -> dict[str, Any]:
    """Attributes of a match; None: all that are there."""
    values = match.values
    names = sorted((KNOWN[name][1].tag, name) for name in (values if keywords is None else keywords) if name in KNOWN)
    return {f"{tag:08X}": element(name, values[name]) for tag, name in names if name in values}


def element(keyword: str, text: str) -> dict[str, Any]:
    """One attribute."""
    vr = KNOWN[keyword][1].vr
    values = [_KINDS.get(vr, _text)(part) for part in text.split("\\")] if text else []
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


def _text(part: str) -> str | None:
    return part or None


_KINDS: dict[str, Callable[[str], Any]] = {
    "PN": json_name,
    **dict.fromkeys(("DS", "IS"), json_number),
    **dict.fromkeys(("UL", "US"), lambda part: int(part) if part.isascii() and part.isdigit() else None),
}
