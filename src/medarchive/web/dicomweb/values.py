"""Values: one element's bytes as the DICOM JSON model has them (PS3.18 F.2)."""

import base64
import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom.charset import decode_bytes, python_encoding

__all__ = ["ISO_646", "Encodings", "encodings", "json_name", "json_number", "json_value", "little"]

Encodings = tuple[str, ...]
"""Python's names of the character sets of (0008,0005), the first one that of the start."""

ISO_646: Encodings = ("iso8859",)
_NUMBERS = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
_WORDS = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}
_ONE_TEXT = frozenset(("LT", "ST", "UR", "UT"))
"""Text of which the backslash is a part (PS3.5 6.2)."""
_ENCODED = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_EXACT = 1 << 53
"""Integers beyond it are no JSON number that everybody reads (PS3.18 F.2.3)."""
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def encodings(raw: bytes) -> Encodings:
    """What a Specific Character Set (0008,0005) names; what nobody knows counts as the default repertoire."""
    terms = raw.decode("latin-1").strip(" \0").split("\\")
    spelled = [re.sub(r"^ISO[ _-]?IR[ _-]?", "ISO_IR ", term.strip(), flags=re.IGNORECASE) for term in terms]
    return tuple(python_encoding.get(term, "iso8859") for term in spelled) or ISO_646


def json_value(vr: str, raw: bytes, charset: Encodings, *, big: bool) -> dict[str, Any]:
    """What stands beside ``vr`` for a value: nothing where it is empty, ``Value`` or ``InlineBinary``."""
    if not raw:
        return {}
    if vr in _NUMBERS:
        return _some(_unpacked(_NUMBERS[vr], raw, big=big))
    if vr == "AT":
        pairs = _unpacked("H", raw, big=big)
        return _some([f"{group:04X}{element:04X}" for group, element in zip(pairs[::2], pairs[1::2], strict=False)])
    if vr in _TEXTS:
        return _TEXTS[vr](_decoded(vr, raw, charset))
    return {"InlineBinary": base64.b64encode(little(vr, raw, big=big)).decode("ascii")}


def little(vr: str, raw: bytes, *, big: bool) -> bytes:
    """Binary values in little endian (PS3.18 F.2.7)."""
    width = _WORDS.get(vr, 1)
    if not big or width == 1 or len(raw) % width:
        return raw
    return np.frombuffer(raw, f">u{width}").astype(f"<u{width}").tobytes()


def json_name(text: str) -> dict[str, str] | None:
    """A person's name by its component groups (F.2.2); None where there is none."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {name: group.strip() for name, group in groups if group.strip()} or None


def json_number(text: str) -> int | float | str | None:
    """An IS or DS as a number; as text where it is none that JSON has, None where it is empty."""
    if not text:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text) if _DECIMAL.fullmatch(text) and text.isascii() else math.inf
    return number if math.isfinite(number) else text


def _some(values: Sequence[Any]) -> dict[str, Any]:
    """Values, of which some may be absent; nothing where all are."""
    return {"Value": list(values)} if any(value is not None for value in values) else {}


def _unpacked(code: str, raw: bytes, *, big: bool) -> list[Any]:
    size = struct.calcsize(f"={code}")
    count = len(raw) // size
    values: list[Any] = list(struct.unpack_from(f"{'>' if big else '<'}{count}{code}", raw))
    if code in "fd":
        return [value if math.isfinite(value) else _named(value) for value in values]
    return [value if -_EXACT < value < _EXACT else str(value) for value in values] if code in "qQ" else values


def _named(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decoded(vr: str, raw: bytes, charset: Encodings) -> str:
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if vr not in _ENCODED:
        return raw.decode("latin-1")
    if len(charset) > 1 or b"\x1b" in raw:
        delimiters = {0x5C, 0x5E, 0x3D} if vr == "PN" else {0x5C, 0x0D, 0x0A, 0x09, 0x0C}
        try:
            return decode_bytes(raw, list(charset), delimiters)
        except Exception:  # noqa: BLE001  # escapes that lead nowhere
            return raw.decode("iso8859", "replace")
    return raw.decode(charset[0], "replace")


def _split(text: str) -> list[str]:
    return [part.strip(" \0\t") for part in text.split("\\")]


def _strings(text: str) -> dict[str, Any]:
    return _some([part or None for part in _split(text)])


def _names(text: str) -> dict[str, Any]:
    return _some([json_name(part) for part in _split(text)])


def _numerals(text: str) -> dict[str, Any]:
    return _some([json_number(part) for part in _split(text)])


def _one(text: str) -> dict[str, Any]:
    return _some([text.rstrip(" \0") or None])


_TEXTS: dict[str, Callable[[str], dict[str, Any]]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"), _strings),
    **dict.fromkeys(_ONE_TEXT, _one),
    **dict.fromkeys(("DS", "IS"), _numerals),
    "PN": _names,
}
