"""Deleted: what was taken out of sight and can still be brought back."""

from dataclasses import dataclass

from medarchive.archive.catalog import Catalog, Row

__all__ = ["Deleted", "deleted"]

_HIDDEN = """
SELECT instance.SOPInstanceUID AS uid, instance.source, instance.hidden_at, series.id AS series, SeriesInstanceUID,
    Modality, SeriesDescription, StudyInstanceUID, StudyDate, StudyDescription, PatientName, PatientID
FROM instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study
JOIN patient ON patient.id = study.patient
WHERE instance.hidden_at IS NOT NULL ORDER BY instance.hidden_at DESC, instance.id
"""
_NAMED = (
    *("SeriesInstanceUID", "Modality", "SeriesDescription", "StudyInstanceUID", "StudyDate"),
    *("StudyDescription", "PatientName", "PatientID"),
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """The deleted instances of a series.

    Attributes:
        values: keyword to value of its series, study and patient.
        uids: SOP Instance UIDs, each once.
        sources: where they came from: AE titles.
        hidden_at: when the last of them was deleted, seconds since 1970.
    """

    values: dict[str, str]
    uids: tuple[str, ...]
    sources: frozenset[str]
    hidden_at: float


def deleted(catalog: Catalog) -> list[Deleted]:
    """The series of which instances were deleted, the last deleted first."""
    by_series: dict[int, list[Row]] = {}
    for row in catalog.read(_HIDDEN):
        by_series.setdefault(row["series"], []).append(row)
    return [
        Deleted(
            {name: str(rows[0][name] or "") for name in _NAMED},
            tuple(dict.fromkeys(row["uid"] for row in rows)),
            frozenset(row["source"] for row in rows),
            rows[0]["hidden_at"],
        )
        for rows in by_series.values()
    ]
