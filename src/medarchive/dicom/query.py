"""Query: one question, whether it comes by C-FIND, QIDO-RS or the command line (PS3.4 C.2.2)."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset

from medarchive.dicom.attributes import LEVELS, Attribute, Level
from medarchive.errors import BadQuery

__all__ = [
    "DERIVED",
    "UNIQUE",
    "Contains",
    "Exact",
    "Found",
    "Key",
    "Level",
    "Match",
    "Matcher",
    "OneOf",
    "Query",
    "Range",
    "Scope",
    "Wildcard",
    "normalise",
]

DERIVED: dict[Level, tuple[Attribute, ...]] = {
    Level.PATIENT: (
        Attribute("NumberOfPatientRelatedStudies", 0x00201200, "IS"),
        Attribute("NumberOfPatientRelatedSeries", 0x00201202, "IS"),
        Attribute("NumberOfPatientRelatedInstances", 0x00201204, "IS"),
    ),
    Level.STUDY: (
        Attribute("ModalitiesInStudy", 0x00080061, "CS"),
        Attribute("SOPClassesInStudy", 0x00080062, "UI"),
        Attribute("NumberOfStudyRelatedSeries", 0x00201206, "IS"),
        Attribute("NumberOfStudyRelatedInstances", 0x00201208, "IS"),
    ),
    Level.SERIES: (Attribute("NumberOfSeriesRelatedInstances", 0x00201209, "IS"),),
    Level.IMAGE: (Attribute("AvailableTransferSyntaxUID", 0x00083002, "UI"),),
}
"""What the catalogue computes, asked for like any other attribute (PS3.4 C.6.1.1)."""

UNIQUE = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}
"""The unique key of each level."""

ORDER = tuple(Level)
KNOWN: dict[str, tuple[Level, Attribute]] = {
    attribute.keyword: (level, attribute) for level in Level for attribute in (*LEVELS[level], *DERIVED[level])
}

_NO_WILDCARDS = frozenset(("DA", "TM", "DT", "UI", "IS", "DS", "US", "UL", "SS", "SL", "FL", "FD", "AS", "AT"))


@dataclass(frozen=True, slots=True)
class Exact:
    """Single value matching (C.2.2.2.1)."""

    value: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """List of UID matching, or any of several values (C.2.2.2.2)."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Wild card matching (C.2.2.2.4): ``*`` any text, ``?`` any one character."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """Range matching (C.2.2.2.5), both ends included; an empty end is open."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Contains:
    """A text anywhere in a value, whatever its case: what a person types into a search field. Beyond the standard."""

    text: str


Matcher = Exact | OneOf | Wildcard | Range | Contains


@dataclass(frozen=True, slots=True)
class Key:
    """A matching key: what is asked of one attribute."""

    keyword: str
    matcher: Matcher
    level: Level
    vr: str


@dataclass(frozen=True, slots=True)
class Found:
    """A matching key of ours, beyond the standard's: what the archive itself has read in the images.

    Attributes:
        label: of a finding; "" for any.
        low: the least probability of it.
        high: the greatest.
    """

    label: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see: whole studies.

    Attributes:
        sources: every study of which an instance came from one of these, ``Stored.source``: AE titles.
        studies: these Study Instance UIDs.
    """

    sources: frozenset[str] = frozenset()
    studies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: entities of a level that match all keys, ``limit`` of them after the first ``offset``.

    Attributes:
        level: of what is found.
        keys: all of which match.
        limit: how many at most; None: all.
        offset: how many are left out before.
        found: what was read in the images of an entity; None asks for nothing of that kind.
        scope: what the asker may see; None: everything.
        order: keywords of the level or above it to sort by, with ``-`` before one for the greatest first; without any,
            in the order in which entities came to be known.
        either: groups of keys, of each of which one matches at least.
        fields: keywords of the values that a match carries; None: all. What the catalogue computes costs time.
    """

    level: Level
    keys: tuple[Key, ...]
    limit: int | None = None
    offset: int = 0
    found: Found | None = None
    scope: Scope | None = None
    order: tuple[str, ...] = ()
    either: tuple[tuple[Key, ...], ...] = ()
    fields: frozenset[str] | None = None

    @classmethod
    def from_pairs(cls, level: Level, pairs: Iterable[str], *, limit: int | None = None, offset: int = 0) -> Self:
        """Read ``KEY=VALUE`` texts; the key is a keyword or a tag (``00100010``), the value as in C-FIND.

        Two keys are our own: ``FINDING``, a label of what was read in the images, and ``PROBABILITY``, a range of it.

        Raises:
            BadQuery: a key that is unknown or below the level, or a value that its kind does not allow.
        """
        keys, own = [], {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise BadQuery(f"{pair!r}: expected KEY=VALUE, for example PatientName='DOE*'")
            if name.strip().upper() in _OWN:
                own[name.strip().upper()] = value.strip()
                continue
            found = matching_key(_keyword(name.strip()), value)
            if found is not None:
                keys.append(found)
        _at_or_above(level, keys)
        return cls(level, tuple(keys), limit, offset, _found(own))

    @classmethod
    def from_dataset(cls, identifier: Dataset, *, root: Level) -> Self:
        """Read a C-FIND identifier (C.4.1.1.3.1). Queries are relational: unique keys above the level may be left out.

        Args:
            identifier: the request's data set.
            root: PATIENT or STUDY, the root of the information model asked.

        Raises:
            BadQuery: no level, one that the root does not have, or a key with a value that its kind does not allow.
        """
        text = str(identifier.get("QueryRetrieveLevel", "") or "").strip()
        if text not in ORDER:
            raise BadQuery(f"Query/Retrieve Level (0008,0052) is {text!r}; expected one of {', '.join(ORDER)}")
        level = Level(text)
        if root is Level.STUDY and level is Level.PATIENT:
            raise BadQuery("the Study Root model has no PATIENT level")
        keys = []
        for element in identifier:
            keyword = element.keyword
            if keyword not in KNOWN or element.VR == "SQ":
                continue
            found = matching_key(keyword, _value(element.value))
            if found is not None:
                keys.append(found)
        return cls(level, tuple(key for key in keys if ORDER.index(key.level) <= ORDER.index(level)))


@dataclass(frozen=True, slots=True)
class Match:
    """One entity that matches.

    Attributes:
        level: what it is.
        values: keyword to value, for its level and those above it, as ``extract`` gave them, with the computed ones of
            ``DERIVED``; for instances also ``stored_bytes``, ``codec``, ``size``, ``sha256``, ``reason``, ``state``.
    """

    level: Level
    values: dict[str, str]


def normalise(vr: str, value: str) -> str:
    """The form in which values are compared: stored ones and those asked for go through the same door.

    PN: without case and without empty components at the end, each of several values and groups by itself. DA: YYYYMMDD,
    also of YYYY.MM.DD (PS3.5 6.2). TM: HHMMSS.FFFFFF. Others: as they are, without the padding around them.
    """
    if vr == "PN":
        names = (name.split("=") for name in value.casefold().split("\\"))
        return "\\".join("=".join(group.rstrip(" ^").lstrip() for group in groups).rstrip("=") for groups in names)
    if vr == "DA":
        return value.strip().replace(".", "").replace("-", "")
    if vr == "TM":
        digits, _, fraction = value.strip().replace(":", "").partition(".")
        return f"{digits.ljust(6, '0')}.{fraction.ljust(6, '0')}" if digits else ""
    return value.strip(" \0")


def matching_key(keyword: str, value: str) -> Key | None:
    """The key that a value asks for; None where an empty one or ``*`` matches everything (C.2.2.2.3).

    Raises:
        BadQuery: a date or time that is none, or a wild card where none is allowed.
    """
    level, attribute = KNOWN[keyword]
    value = value.strip(" \0")
    if value in ("", "*", '""'):
        return None
    matcher = _matcher(attribute, value)
    return Key(keyword, matcher, level, attribute.vr)


def _matcher(attribute: Attribute, value: str) -> Matcher:
    vr = attribute.vr
    if vr in ("DA", "TM"):
        return _range(attribute, value)
    wild = any(sign in value for sign in "*?")
    if wild and vr in _NO_WILDCARDS:
        raise BadQuery(f"{attribute.keyword} = {value!r}: wild cards are not allowed for VR {vr} (PS3.4 C.2.2.2.4)")
    if "\\" in value:
        return OneOf(tuple(part.strip() for part in value.split("\\") if part.strip()))
    return Wildcard(value) if wild else Exact(value)


_OWN = ("FINDING", "PROBABILITY")
_LIKELY = 0.5
_PROBABILITY = re.compile(r"(\d*\.?\d*)\s*-\s*(\d*\.?\d*)")


def _found(own: Mapping[str, str]) -> Found | None:
    """Our own keys, where there are some.

    Raises:
        BadQuery: a probability that is none.
    """
    asked, text = own.get("FINDING", ""), own.get("PROBABILITY", "")
    label = "" if asked == "*" else asked
    if any(sign in label for sign in "*?\\"):
        raise BadQuery(f"FINDING = {label!r}: expected one label, for example tumour, or * for any")
    if text in ("", "*"):
        return Found(label, _LIKELY, 1.0) if asked else None
    match = _PROBABILITY.fullmatch(text)
    low, high = (match[1] or "0", match[2] or "1") if match and text != "-" else ("1", "0")
    if "." in (low, high) or not 0 <= float(low) <= float(high) <= 1:
        raise BadQuery(f"PROBABILITY = {text!r}: expected a range within 0 to 1: 0.8- or -0.2 or 0.3-0.6")
    return Found(label, float(low), float(high))


_DATE = re.compile(r"\d{4}\.?\d{2}\.?\d{2}|\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,6})?)?)?")


def _range(attribute: Attribute, value: str) -> Matcher:
    """A date or time, one value or a range of the form ``a-b``, ``a-``, ``-b``."""
    form = _DATE if attribute.vr == "DA" else _TIME
    if form.fullmatch(value):
        # A time given to the minute means the whole minute.
        return Exact(value) if attribute.vr == "DA" else Range(value, _end(value))
    middle = re.fullmatch(rf"({form.pattern})?\s*-\s*({form.pattern})?", value)
    if middle is None or value == "-":
        kind = "date, YYYYMMDD" if attribute.vr == "DA" else "time, HHMMSS"
        raise BadQuery(f"{attribute.keyword} = {value!r}: expected a {kind}, or a range of two with a hyphen")
    low, high = _ends(form, value)
    return Range(low, high if attribute.vr == "DA" else _end(high))


def _ends(form: re.Pattern[str], value: str) -> tuple[str, str]:
    start = form.match(value)
    low = start[0] if start else ""
    return low, value[len(low) :].strip().removeprefix("-").strip()


def _end(time: str) -> str:
    """The last instant that a time of this precision covers."""
    if not time:
        return ""
    digits, _, fraction = time.replace(":", "").partition(".")
    return f"{digits}{'235959'[len(digits) :]}.{fraction.ljust(6, '9')}"


def _keyword(name: str) -> str:
    """The keyword of a keyword in any case, or of a tag.

    Raises:
        BadQuery: it is none that the archive indexes.
    """
    tag = name.strip("()").replace(",", "")
    if re.fullmatch(r"[0-9A-Fa-f]{8}", tag):
        name = keyword_for_tag(int(tag, 16)) or name
    by_lower = {keyword.lower(): keyword for keyword in KNOWN}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    hint = f"did you mean {by_lower[close[0]]}?" if close else "the documentation lists the attributes that are indexed"
    why = "is not indexed" if tag_for_keyword(name) is not None else "is no attribute"
    raise BadQuery(f"{name} {why}; {hint}")


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "\\".join(str(part) for part in value)
    return str(value)


def _at_or_above(level: Level, keys: Iterable[Key]) -> None:
    for key in keys:
        if ORDER.index(key.level) > ORDER.index(level):
            raise BadQuery(
                f"{key.keyword} belongs to the {key.level} level, below {level}: ask with --level {key.level.lower()}"
            )
