"""Search: a Query becomes SQL, and its answers come page by page."""

import difflib
import json
from collections.abc import Iterator

from medarchive.archive.catalog import Catalog, Row
from medarchive.archive.findings import REJECTED
from medarchive.dicom.attributes import LEVELS
from medarchive.dicom.query import (
    KNOWN,
    Contains,
    Found,
    Key,
    Level,
    Match,
    OneOf,
    Query,
    Range,
    Scope,
    Wildcard,
    normalise,
)
from medarchive.errors import BadQuery
from medarchive.insight.reading import LABELS

__all__ = ["count", "find"]

_PAGE = 500

_TABLES = {Level.PATIENT: "patient", Level.STUDY: "study", Level.SERIES: "series", Level.IMAGE: "instance"}
_ORDER = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)
_JOINS = {
    Level.PATIENT: "patient",
    Level.STUDY: "study JOIN patient ON patient.id = study.patient",
    Level.SERIES: "series JOIN study ON study.id = series.study JOIN patient ON patient.id = study.patient",
    Level.IMAGE: "instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study "
    "JOIN patient ON patient.id = study.patient",
}
_MULTIPLE = frozenset(
    (
        "ImageType",
        "OtherPatientIDs",
        "OperatorsName",
        "PerformingPhysicianName",
        "NameOfPhysiciansReadingStudy",
        "AdmittingDiagnosesDescription",
    )
)
"""Attributes of which one instance has several values; a key matches where it matches one of them (PS3.4 C.2.2.2)."""

_CLASSES = "series AS s JOIN instance AS i ON i.series = s.id AND i.hidden_at IS NULL WHERE s.study = study.id"
_DERIVED: dict[Level, dict[str, str]] = {
    Level.PATIENT: {
        "NumberOfPatientRelatedStudies": "patient.studies",
        "NumberOfPatientRelatedSeries": "patient.series",
        "NumberOfPatientRelatedInstances": "patient.instances",
    },
    Level.STUDY: {
        "NumberOfStudyRelatedSeries": "study.series",
        "NumberOfStudyRelatedInstances": "study.instances",
        "ModalitiesInStudy": "(SELECT group_concat(DISTINCT s.Modality) FROM series AS s "
        "WHERE s.study = study.id AND s.instances > 0)",
        "SOPClassesInStudy": f"(SELECT group_concat(DISTINCT i.SOPClassUID) FROM {_CLASSES})",
    },
    Level.SERIES: {"NumberOfSeriesRelatedInstances": "series.instances"},
    Level.IMAGE: {"AvailableTransferSyntaxUID": "instance.transfer_syntax"},
}
_LISTS = ("ModalitiesInStudy", "SOPClassesInStudy")
_EXTRAS = ("stored_bytes", "codec", "size", "sha256", "reason", "state", "source", "received_at")


def find(catalog: Catalog, query: Query) -> Iterator[Match]:
    """The visible entities that match, in the order in which they came to be known, page by page.

    No cursor stays open between pages: a slow peer holds nothing up.

    Raises:
        BadQuery: a finding that no reader has.
    """
    table = _TABLES[query.level]
    names, columns = _columns(_ORDER[: _ORDER.index(query.level) + 1], query.fields)
    condition, parameters = _where(query)
    sql = f"SELECT {', '.join([f'{table}.id', *columns])} FROM {_JOINS[query.level]} WHERE {condition}"
    if query.order:
        rows = _sorted(catalog, f"{sql} ORDER BY {_by(query)} LIMIT ? OFFSET ?", parameters, query)
    else:
        rows = _arrived(catalog, f"{sql} AND {table}.id > ? ORDER BY {table}.id LIMIT ?", parameters, query)
    for row in rows:
        yield _match(query.level, names, row)


def count(catalog: Catalog, query: Query) -> int:
    """How many visible entities match, whatever ``limit`` and ``offset`` are.

    Raises:
        BadQuery: as ``find``.
    """
    condition, parameters = _where(query)
    return int(catalog.read(f"SELECT count(*) AS n FROM {_JOINS[query.level]} WHERE {condition}", parameters)[0]["n"])


def _arrived(catalog: Catalog, sql: str, parameters: list[object], query: Query) -> Iterator[Row]:
    """Rows in the order of their ids: each page goes on after the last id of the one before."""
    last, skip, left = 0, query.offset, query.limit
    while left is None or left > 0:
        page = _PAGE if left is None else min(_PAGE, left + skip)
        rows = catalog.read(sql, (*parameters, last, page))
        yield from rows[skip:]
        if left is not None:
            left -= max(len(rows) - skip, 0)
        skip = max(skip - len(rows), 0)
        if len(rows) < page:
            return
        last = rows[-1]["id"]


def _sorted(catalog: Catalog, sql: str, parameters: list[object], query: Query) -> Iterator[Row]:
    """Rows in the order of something else: each page counts from the first."""
    offset, left = query.offset, query.limit
    while left is None or left > 0:
        page = _PAGE if left is None else min(_PAGE, left)
        rows = catalog.read(sql, (*parameters, page, offset))
        yield from rows
        if len(rows) < page:
            return
        offset += page
        left = None if left is None else left - page


def _by(query: Query) -> str:
    """The SQL of an order; entities that are level in it keep that of their arrival."""
    terms = []
    for name in query.order:
        keyword = name.removeprefix("-")
        level, attribute = KNOWN.get(keyword, (None, None))
        if level is None or attribute is None or _ORDER.index(level) > _ORDER.index(query.level):
            raise BadQuery(f"{keyword}: nothing that {query.level} can be sorted by")
        column = _DERIVED[level].get(keyword, f"{_TABLES[level]}.{keyword}")
        if attribute.vr in ("PN", "DA", "TM"):
            column += "Search"
        elif attribute.vr == "IS":
            column = f"CAST({column} AS INTEGER)"
        terms.append(f"{column} {'DESC' if name.startswith('-') else 'ASC'}")
    return ", ".join([*terms, f"{_TABLES[query.level]}.id"])


def _where(query: Query) -> tuple[str, list[object]]:
    """The SQL of all that an entity has to meet, and its parameters."""
    table = _TABLES[query.level]
    conditions = [f"{table}.instances > 0" if query.level is not Level.IMAGE else "instance.hidden_at IS NULL"]
    parameters: list[object] = []
    parts = [_condition(key) for key in query.keys]
    parts += [_either([_condition(key) for key in keys]) for keys in query.either]
    if query.found is not None:
        parts.append(_read(query.level, query.found))
    if query.scope is not None:
        parts.append(_seen(query.level, query.scope))
    for condition, values in parts:
        conditions.append(condition)
        parameters += values
    return " AND ".join(conditions), parameters


def _either(parts: list[tuple[str, list[object]]]) -> tuple[str, list[object]]:
    """The SQL of meeting one of some conditions."""
    return f"({' OR '.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]


_STUDY_SEEN = (
    "(study.StudyInstanceUID IN (SELECT value FROM json_each(?)) OR EXISTS (SELECT 1 FROM series AS s "
    "JOIN instance AS i ON i.series = s.id WHERE s.study = study.id AND i.hidden_at IS NULL "
    "AND i.source IN (SELECT value FROM json_each(?))))"
)


def _seen(level: Level, scope: Scope) -> tuple[str, list[object]]:
    """The SQL of what a scope shows: of a patient, one with a study that it shows."""
    values: list[object] = [json.dumps(sorted(scope.studies)), json.dumps(sorted(scope.sources))]
    if level is Level.PATIENT:
        return f"patient.id IN (SELECT study.patient FROM study WHERE study.instances > 0 AND {_STUDY_SEEN})", values
    return _STUDY_SEEN, values


def _columns(levels: tuple[Level, ...], fields: frozenset[str] | None) -> tuple[list[str], list[str]]:
    """The names and the SQL of what a match at the last of these levels carries; an instance's say how it is kept."""
    columns: dict[str, str] = {}
    for level in levels:
        columns |= {attribute.keyword: f"{_TABLES[level]}.{attribute.keyword}" for attribute in LEVELS[level]}
        columns |= _DERIVED[level]
    if fields is not None:
        columns = {name: sql for name, sql in columns.items() if name in fields}
    if levels[-1] is Level.IMAGE:
        columns |= {name: f"instance.{name}" for name in _EXTRAS}
    return list(columns), [f"{sql} AS {name}" for name, sql in columns.items()]


def _match(level: Level, names: list[str], row: Row) -> Match:
    _, *found = row  # behind its number, in the order of the names: to look each of 70 up takes longer than the query
    values = {name: "" if value is None else str(value) for name, value in zip(names, found, strict=True)}
    for name in _LISTS:
        if name in values:
            values[name] = values[name].replace(",", "\\")
    return Match(level, {**values, "InstanceAvailability": "ONLINE"})


def _condition(key: Key) -> tuple[str, list[object]]:
    """The SQL of one matching key (PS3.4 C.2.2.2) and its parameters."""
    if key.keyword == "ModalitiesInStudy":
        inner, values = _comparison("s.Modality", key, multiple=False)
        return f"EXISTS (SELECT 1 FROM series AS s WHERE s.study = study.id AND s.instances > 0 AND {inner})", values
    if key.keyword == "SOPClassesInStudy":
        inner, values = _comparison("i.SOPClassUID", key, multiple=False)
        return f"EXISTS (SELECT 1 FROM {_CLASSES} AND {inner})", values
    derived = _DERIVED[key.level].get(key.keyword)
    if derived:
        return _comparison(f"CAST({derived} AS TEXT)", key, multiple=False)
    column = f"{_TABLES[key.level]}.{key.keyword}"
    if key.vr in ("PN", "DA", "TM"):
        column += "Search"
    return _comparison(column, key, multiple=key.keyword in _MULTIPLE)


_READ = {
    Level.PATIENT: "patient.id IN (SELECT y.patient {0} JOIN study AS y ON y.id = s.study {1})",
    Level.STUDY: "study.id IN (SELECT s.study {0} {1})",
    Level.SERIES: "series.id IN (SELECT s.id {0} {1})",
    Level.IMAGE: "instance.id IN (SELECT r.instance {0} {1})",
}
_LABELS = (
    "FROM label AS l JOIN reading AS r ON r.id = l.reading JOIN series AS s ON s.id = r.series AND s.instances > 0"
)


def _read(level: Level, found: Found) -> tuple[str, list[object]]:
    """The SQL of what was read: in the newest reading, that did not abstain and that nobody rejects.

    Of an image its own reading counts, above that the one of a series.
    """
    known = sorted({label for labels in LABELS.values() for label in labels})
    if found.label and found.label not in known:
        close = difflib.get_close_matches(found.label, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        raise BadQuery(f"FINDING = {found.label!r} is no label; {hint}")
    which = "l.label = ?" if found.label else "l.label = r.finding"
    image = "NOT" if level is Level.IMAGE else ""
    where = (
        f"WHERE {which} AND l.probability BETWEEN ? AND ? AND r.superseded_at IS NULL AND NOT r.abstained "
        f"AND r.instance IS {image} NULL AND NOT {REJECTED.format('r')}"
    )
    values: list[object] = [found.label] if found.label else []
    return _READ[level].format(_LABELS, where), [*values, found.low, found.high]


def _comparison(column: str, key: Key, *, multiple: bool) -> tuple[str, list[object]]:
    matcher = key.matcher
    if isinstance(matcher, Range):
        bounds = [(">=", normalise(key.vr, matcher.low))] if matcher.low else []
        bounds += [("<=", normalise(key.vr, matcher.high))] if matcher.high else []
        parts = [f"{column} <> ''"] + [f"{column} {sign} ?" for sign, _ in bounds]
        return f"({' AND '.join(parts)})", [value for _, value in bounds]
    if isinstance(matcher, Contains):
        return f"instr(lower({column}), ?) > 0", [matcher.text.casefold() if key.vr == "PN" else matcher.text.lower()]
    if isinstance(matcher, Wildcard):
        pattern = normalise(key.vr, matcher.pattern).replace("[", "[[]")
        if multiple:
            return f"('\\' || {column} || '\\') GLOB ?", [f"*\\{pattern}\\*"]
        return f"{column} GLOB ?", [pattern]
    values = matcher.values if isinstance(matcher, OneOf) else (matcher.value,)
    wanted: list[object] = [normalise(key.vr, value) for value in values]
    if multiple:
        one = f"instr('\\' || {column} || '\\', '\\' || ? || '\\') > 0"
        return f"({' OR '.join([one] * len(wanted))})", wanted
    return f"{column} IN ({', '.join('?' * len(wanted))})", wanted
