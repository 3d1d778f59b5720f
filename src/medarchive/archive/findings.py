"""Findings: what was read in images, as it stands in the catalogue, with its history and what clinicians say of it.

A newer reading supersedes an older one, which stays. Corrections stand beside the readings, and change none. All of it
is patient data: it goes when the instances are purged that it is about.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from medarchive.archive.catalog import Catalog, Row, Transaction
from medarchive.dicom.query import Level
from medarchive.errors import BadCorrection, NotFound

__all__ = [
    "REJECTED",
    "Correction",
    "Finding",
    "Verdict",
    "correct",
    "corrections",
    "exported",
    "findings",
    "forget_findings",
]

Verdict = Literal["confirmed", "rejected"]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a clinician says of a reading.

    Attributes:
        verdict: ``confirmed`` or ``rejected``.
        label: what it is instead, or "".
        by: who says so.
        note: anything else.
        created_at: seconds since 1970.
    """

    verdict: Verdict
    label: str
    by: str
    note: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A reading in the catalogue: of one image, or of a series.

    Attributes:
        id: its number.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        uid: SOP Instance UID of the image; of a series' reading, the one that carries the finding, "" when it is gone.
        frame: number of the frame, from 0.
        pooled: whether it is a series'.
        anatomy, anatomy_probability, finding, probabilities, abstained, reason, task: see ``insight.reading.Reading``.
        model, model_version, model_sha256: the network that it is from; "" where none was asked.
        version: of all networks together.
        created_at: when it was read, seconds since 1970.
        superseded_at: when another one took its place; None for the newest.
        report_uid: SOP Instance UID of the structured report; "" where there is none.
        corrections: what clinicians say, the oldest first.
    """

    id: int
    study_uid: str
    series_uid: str
    uid: str
    frame: int
    pooled: bool
    anatomy: str
    anatomy_probability: float
    finding: str
    probabilities: Mapping[str, float]
    abstained: bool
    reason: str
    task: str
    model: str
    model_version: str
    model_sha256: str
    version: str
    created_at: float
    superseded_at: float | None
    report_uid: str
    corrections: tuple[Correction, ...] = field(default=())

    @property
    def series(self) -> tuple[str, str]:
        """Study and Series Instance UID: some makers give series of two studies the same one."""
        return self.study_uid, self.series_uid


REJECTED = (
    "coalesce((SELECT verdict = 'rejected' FROM correction WHERE correction.reading = {0}.id OR "
    "correction.reading = {0}.part_of ORDER BY correction.id DESC LIMIT 1), 0)"
)
"""SQL: whether a clinician's last word on a reading, or on the series' that it is part of, is that it is wrong."""

_SELECT = (
    "SELECT reading.*, StudyInstanceUID AS study_uid, SeriesInstanceUID AS series_uid, "
    "coalesce(i.SOPInstanceUID, '') AS uid FROM reading "
    "JOIN series ON series.id = reading.series JOIN study ON study.id = series.study "
    "JOIN patient ON patient.id = study.patient "
    "LEFT JOIN instance AS i ON i.id = coalesce(reading.instance, reading.strongest) AND i.hidden_at IS NULL"
)
_SEEN = "series.instances > 0 AND (reading.instance IS NULL OR i.id IS NOT NULL)"
_UNDER = {
    Level.SERIES: "series.SeriesInstanceUID = ?",
    Level.STUDY: "study.StudyInstanceUID = ?",
    Level.PATIENT: "patient.PatientID = ?",
}
_OF_IMAGE = (
    "(reading.instance = (SELECT id FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL) OR "
    "(reading.instance IS NULL AND reading.series = "
    "(SELECT series FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL)))"
)


def findings(catalog: Catalog, uid: str, *, images: bool = False) -> list[Finding]:
    """Everything that was read of an instance, or of the series of a series, study or Patient ID; the oldest first.

    Args:
        catalog: where it is.
        uid: SOP, Series or Study Instance UID, or Patient ID. Of an instance, the readings of its series come, too.
        images: whether the readings of the single images come, too.

    Raises:
        NotFound: there is nothing of this UID.
    """
    if catalog.read("SELECT 1 FROM instance WHERE SOPInstanceUID = ? AND hidden_at IS NULL", (uid,)):
        return _found(catalog, _OF_IMAGE, uid, uid)
    tables = {Level.SERIES: "series", Level.STUDY: "study", Level.PATIENT: "patient"}
    for level, condition in _UNDER.items():
        if catalog.read(f"SELECT 1 FROM {tables[level]} WHERE {condition} AND instances > 0 LIMIT 1", (uid,)):
            return _found(catalog, condition if images else f"{condition} AND reading.instance IS NULL", uid)
    raise NotFound(
        f"no instance, series, study or patient {uid} in this archive; `medarchive find` lists what there is"
    )


def correct(transaction: Transaction, reading: int, verdict: str, by: str, label: str | None, note: str) -> int:
    """Note what a clinician says of a reading, beside it; returns the number of the correction.

    Raises:
        NotFound: no such reading.
        BadCorrection: another verdict than the two, or nobody who says so.
    """
    if verdict not in get_args(Verdict):
        raise BadCorrection(f"verdict {verdict!r}: expected {' or '.join(get_args(Verdict))}")
    if not by.strip():
        raise BadCorrection("a correction needs the name of whoever says so")
    rows = transaction.execute(f"{_SELECT} WHERE reading.id = ? AND {_SEEN}", (reading,))
    if not rows:
        raise NotFound(f"no reading {reading}; `medarchive findings UID` lists their numbers")
    if verdict == "confirmed" and label and label != rows[0]["finding"]:
        raise BadCorrection(
            f"reading {reading} says {rows[0]['finding'] or 'nothing'!r}, not {label!r}: reject it, with this label"
        )
    values = (reading, verdict, label or (rows[0]["finding"] if verdict == "confirmed" else ""))
    made = transaction.execute(
        'INSERT INTO correction (reading, verdict, label, "by", note, created_at) VALUES (?, ?, ?, ?, ?, ?) '
        "RETURNING id",
        (*values, by.strip(), note, time.time()),
    )
    return int(made[0]["id"])


def corrections(catalog: Catalog) -> Iterator[tuple[Finding, Correction]]:
    """All that clinicians said of images that are here, in the order in which they said it."""
    last = 0
    sql = "SELECT id, reading FROM correction WHERE id > ? ORDER BY id LIMIT 500"
    while rows := catalog.read(sql, (last,)):
        last = rows[-1]["id"]
        marks = ", ".join("?" * len(rows))
        found = {each.id: each for each in _found(catalog, f"reading.id IN ({marks})", *(r["reading"] for r in rows))}
        said = _corrections(catalog, [row["reading"] for row in rows])
        for row in rows:
            if row["reading"] in found:
                yield found[row["reading"]], dict(said[row["reading"]])[row["id"]]


def exported(finding: Finding, said: Correction) -> dict[str, object]:
    """A correction as a line to train on: which image, what it is, what was read, by which weights, who says so."""
    return {
        "SOPInstanceUID": finding.uid,
        "frame": finding.frame,
        "SeriesInstanceUID": finding.series_uid,
        "series": finding.pooled,
        "label": said.label,
        "verdict": said.verdict,
        "read": finding.finding,
        "task": finding.task,
        "model_sha256": finding.model_sha256,
        "by": said.by,
        "at": datetime.fromtimestamp(said.created_at).astimezone().isoformat(" ", "seconds"),
        "note": said.note,
    }


def forget_findings(transaction: Transaction, instance: int, series: int) -> None:
    """An instance is purged, and with it what was read in it; with the last one of a series, what was read of that."""
    _drop(transaction, "instance = ?", instance)
    transaction.execute("DELETE FROM embedding WHERE instance = ?", (instance,))
    transaction.execute("UPDATE reading SET strongest = NULL WHERE strongest = ?", (instance,))
    if not transaction.execute("SELECT 1 FROM instance WHERE series = ? AND id <> ? LIMIT 1", (series, instance)):
        _drop(transaction, "series = ?", series)


def _drop(transaction: Transaction, condition: str, parameter: int) -> None:
    readings = f"(SELECT id FROM reading WHERE {condition})"
    for table in ("label", "correction"):
        transaction.execute(f"DELETE FROM {table} WHERE reading IN {readings}", (parameter,))
    transaction.execute(f"DELETE FROM reading WHERE {condition}", (parameter,))


def _found(catalog: Catalog, condition: str, *parameters: object) -> list[Finding]:
    rows = catalog.read(f"{_SELECT} WHERE {condition} AND {_SEEN} ORDER BY reading.id", parameters)
    numbers = [row["id"] for row in rows]
    labels: dict[int, dict[str, float]] = {number: {} for number in numbers}
    for first in range(0, len(numbers), 500):
        some = numbers[first : first + 500]
        marks = ", ".join("?" * len(some))
        for label in catalog.read(f"SELECT * FROM label WHERE reading IN ({marks}) ORDER BY probability DESC", some):
            labels[label["reading"]][label["label"]] = label["probability"]
    said = _corrections(catalog, numbers)
    return [_finding(row, labels[row["id"]], [each for _, each in said.get(row["id"], [])]) for row in rows]


def _corrections(catalog: Catalog, readings: Sequence[int]) -> dict[int, list[tuple[int, Correction]]]:
    """By reading, each with its number."""
    found: dict[int, list[tuple[int, Correction]]] = {}
    for first in range(0, len(readings), 500):
        some = readings[first : first + 500]
        marks = ", ".join("?" * len(some))
        for row in catalog.read(f"SELECT * FROM correction WHERE reading IN ({marks}) ORDER BY id", some):
            each = Correction(**{name: row[name] for name in Correction.__slots__})
            found.setdefault(row["reading"], []).append((row["id"], each))
    return found


def _finding(row: Row, probabilities: Mapping[str, float], said: Sequence[Correction]) -> Finding:
    given = {"pooled", "probabilities", "abstained", "corrections", "frame"}
    return Finding(
        **{name: row[name] for name in Finding.__slots__ if name not in given},
        frame=row["frame"] or 0,
        pooled=row["instance"] is None,
        probabilities=probabilities,
        abstained=bool(row["abstained"]),
        corrections=tuple(said),
    )
