"""Asked: the query of a search, read into our one Query type (PS3.18 8.3.4, 10.6.1.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from django.http import QueryDict
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from medarchive.dicom.query import KNOWN, UNIQUE, Exact, Key, Level, Query, Wildcard
from medarchive.web.dicomweb.failures import BadRequest

__all__ = ["MOST", "Asked"]

MOST = 1000
"""Results of one search."""
_CONTROL = frozenset(("limit", "offset", "includefield", "fuzzymatching", "accept", "charset"))
_OWN = ("FINDING", "PROBABILITY")
_STARS = 8
_LONGEST = 4096
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search.

    Attributes:
        query: what is looked for, without regard to who asks.
        fields: keywords that are to be returned beyond the usual ones.
        everything: whether all that is held is to be returned.
        absent: what was asked to be returned and is not held.
    """

    query: Query
    fields: frozenset[str]
    everything: bool = False
    absent: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, parameters: QueryDict, level: Level, above: dict[Level, str]) -> Self:
        """Read a query string.

        Args:
            parameters: of the query string.
            level: of what is looked for.
            above: UIDs that the path names.

        Raises:
            BadRequest: a parameter of another form, or an attribute that there is not.
            BadQuery: an attribute that is not indexed or below the level, or a value that its kind does not allow.
        """
        pairs, fields, absent, everything = [], set(), [], False
        fuzzy = _switch(parameters, "fuzzymatching")
        words: list[Key] = []
        for name, value in _matching(parameters):
            keyword = name if name.upper() in _OWN else _keyword(name)
            if keyword in KNOWN:
                fields.add(keyword)
            if fuzzy and keyword in KNOWN and KNOWN[keyword][1].vr == "PN" and value.strip("* "):
                words += _words(keyword, value)
            else:
                pairs.append(f"{keyword}={_listed(keyword, value)}")
        for name in (each for text in parameters.getlist("includefield") for each in text.split(",")):
            if name.strip().lower() == "all":
                everything = True
            elif name.strip():
                keyword = _keyword(name.strip())
                if keyword in KNOWN or keyword == "InstanceAvailability":
                    fields.add(keyword)
                else:
                    absent.append(keyword)
        limit = min(_integer(parameters, "limit", MOST), MOST)
        query = Query.from_pairs(level, pairs, limit=limit, offset=_integer(parameters, "offset", 0))
        _at_or_above(level, words)
        path = [Key(UNIQUE[place], Exact(uid), place, "UI") for place, uid in above.items()]
        return cls(replace(query, keys=(*query.keys, *words, *path)), frozenset(fields), everything, tuple(absent))


def _matching(parameters: QueryDict) -> Iterator[tuple[str, str]]:
    """The matching keys; several values of one are a list of them."""
    for name, values in parameters.lists():
        if name not in _CONTROL:
            value = "\\".join(str(value) for value in values if value)
            if value.count("*") > _STARS or len(value) > _LONGEST * 16:
                raise BadRequest(f"{name[:64]}: the value is too long, or has more than {_STARS} wild cards")
            yield str(name), value


def _keyword(name: str) -> str:
    """The keyword of a keyword or tag; of a path into a sequence, the path itself.

    Raises:
        BadRequest: it is none of these.
    """
    parts = [_one(part) for part in name.split(".")]
    if not all(parts):
        raise BadRequest(f"{name[:64]!r} is no attribute: expected a keyword or a tag of eight hexadecimal digits")
    return ".".join(part for part in parts if part)


def _one(part: str) -> str | None:
    if _TAG.fullmatch(part):
        return keyword_for_tag(int(part, 16)) or part.upper()  # a private attribute, or a retired one
    return part if tag_for_keyword(part) is not None else None


def _listed(keyword: str, value: str) -> str:
    """A value in which a comma separates several, where none can be part of one (PS3.18 8.3.4.1)."""
    tag = tag_for_keyword(keyword)
    return value.replace(",", "\\") if tag is not None and dictionary_VR(tag) in ("UI", "CS") else value


def _words(keyword: str, value: str) -> list[Key]:
    """Fuzzy matching of names: each word somewhere in the name, in whatever order (PS3.18 8.3.4.2)."""
    level, attribute = KNOWN[keyword]
    parts = [part for part in re.split(r"[\s^=,*]+", value) if part]
    if len(parts) > _STARS:
        raise BadRequest(f"{keyword}: a name of more than {_STARS} words")
    return [Key(keyword, Wildcard(f"*{part}*"), level, attribute.vr) for part in parts]


def _at_or_above(level: Level, keys: list[Key]) -> None:
    order = tuple(Level)
    for key in keys:
        if order.index(key.level) > order.index(level):
            raise BadRequest(f"{key.keyword} belongs to the {key.level} level, below {level}")


def _integer(parameters: QueryDict, name: str, otherwise: int) -> int:
    text = str(parameters.get(name, otherwise))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise BadRequest(f"{name}={text[:32]!r}: expected a number from 0")
    return int(text)


def _switch(parameters: QueryDict, name: str) -> bool:
    text = str(parameters.get(name, "false")).lower()
    if text not in ("true", "false"):
        raise BadRequest(f"{name}={text[:32]!r}: expected true or false")
    return text == "true"
