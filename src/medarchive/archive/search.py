"""Search: a Query becomes SQL, and its answers come page by page."""

import difflib
from collections.abc import Iterator

from medarchive.archive.catalog import Catalog, Row
from medarchive.archive.findings import REJECTED
from medarchive.dicom.attributes import LEVELS
from medarchive.dicom.query import Found, Key, Level, Match, OneOf, Query, Range, Wildcard, normalise
from medarchive.errors import BadQuery
from medarchive.insight.reading import LABELS

__all__ = ["find"]

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
    levels = _ORDER[: _ORDER.index(query.level) + 1]
    names, columns = _columns(levels)
    conditions = [f"{table}.instances > 0" if query.level is not Level.IMAGE else "instance.hidden_at IS NULL"]
    parameters: list[object] = []
    for key in query.keys:
        condition, values = _condition(key)
        conditions.append(condition)
        parameters += values
    if query.found is not None:
        condition, values = _read(query.level, query.found)
        conditions.append(condition)
        parameters += values
    sql = (
        f"SELECT {table}.id, {', '.join(columns)} FROM {_JOINS[query.level]} "
        f"WHERE {' AND '.join(conditions)} AND {table}.id > ? ORDER BY {table}.id LIMIT ?"
    )
    last, skip, left = 0, query.offset, query.limit
    while left is None or left > 0:
        page = _PAGE if left is None else min(_PAGE, left + skip)
        rows = catalog.read(sql, (*parameters, last, page))
        for row in rows[skip:]:
            yield _match(query.level, names, row)
        if left is not None:
            left -= max(len(rows) - skip, 0)
        skip = max(skip - len(rows), 0)
        if len(rows) < page:
            return
        last = rows[-1]["id"]


def _columns(levels: tuple[Level, ...]) -> tuple[list[str], list[str]]:
    """The names and the SQL of all that a match at the last of these levels carries."""
    columns: dict[str, str] = {}
    for level in levels:
        columns |= {attribute.keyword: f"{_TABLES[level]}.{attribute.keyword}" for attribute in LEVELS[level]}
        columns |= _DERIVED[level]
    if levels[-1] is Level.IMAGE:
        columns |= {name: f"instance.{name}" for name in _EXTRAS}
    return list(columns), [f"{sql} AS {name}" for name, sql in columns.items()]


def _match(level: Level, names: list[str], row: Row) -> Match:
    values = {name: "" if row[name] is None else str(row[name]) for name in names}
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
