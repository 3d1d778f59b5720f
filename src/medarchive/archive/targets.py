"""Targets: what jobs are of, in UIDs."""

from collections.abc import Sequence
from dataclasses import dataclass

from medarchive.archive.catalog import Catalog
from medarchive.archive.jobs import Job, Kind

__all__ = ["Target", "targets"]

_BELOW = (
    "FROM instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study WHERE {} IN ({}) "
)
_SELECT = {
    "instance": f"SELECT instance.id AS number, SOPInstanceUID AS uid, StudyInstanceUID AS study {_BELOW}",
    "series": "SELECT series.id AS number, SeriesInstanceUID AS uid, StudyInstanceUID AS study "
    "FROM series JOIN study ON study.id = series.study WHERE {} IN ({})",
    "group": "SELECT batch AS number, min(SeriesInstanceUID) AS uid, min(StudyInstanceUID) AS study "
    f"{_BELOW} GROUP BY batch",
    "commitment": "SELECT id AS number, transaction_uid AS uid, '' AS study FROM commitment WHERE {} IN ({})",
}
_NUMBER = {"instance": "instance.id", "series": "series.id", "group": "batch", "commitment": "commitment.id"}
_OF: dict[Kind, str] = {
    **dict.fromkeys(("compress", "refer", "derive"), "instance"),
    **dict.fromkeys(("group", "read", "retire"), "series"),
    **dict.fromkeys(("pack", "regroup"), "group"),
    **dict.fromkeys(("commit", "report"), "commitment"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a job is of.

    Attributes:
        what: ``instance``; ``series``; ``group``: slices that are coded together; ``commitment``.
        uid: SOP or Series Instance UID, of a group that of its series; of a commitment its Transaction UID.
        study_uid: Study Instance UID; empty of a commitment.
    """

    what: str
    uid: str
    study_uid: str


def targets(catalog: Catalog, jobs: Sequence[Job]) -> dict[int, Target]:
    """By number of job, what it is of; a job whose target is gone is left out. For a page of jobs, not for all."""
    wanted: dict[str, set[int]] = {}
    for job in jobs:
        wanted.setdefault(_OF[job.kind], set()).add(job.target)
    found = {}
    for what, numbers in wanted.items():
        marks = ", ".join("?" * len(numbers))
        for row in catalog.read(_SELECT[what].format(_NUMBER[what], marks), tuple(numbers)):
            found[what, row["number"]] = Target(what, row["uid"], row["study"])
    named = ((job.id, found.get((_OF[job.kind], job.target))) for job in jobs)
    return {number: target for number, target in named if target is not None}
