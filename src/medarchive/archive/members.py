"""Members: the instances of a series, and which rule of the policy decides on each."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from medarchive.archive.mentions import Read
from medarchive.policy import Facts, Rule, first_match

__all__ = ["Member", "by_rule", "members"]


@dataclass(frozen=True, slots=True)
class Member:
    """A visible instance of a series.

    Attributes:
        id: row number.
        uid: SOP Instance UID.
        facts: what rules are held against.
        final: whether it has its final form, so that it is known what is kept for it.
        made: whether it was derived here.
    """

    id: int
    uid: str
    facts: Facts
    final: bool
    made: bool


def members(read: Read, series: int) -> list[Member]:
    """The visible instances of a series, in the order of their arrival."""
    return [
        Member(
            id=row["id"],
            uid=row["uid"],
            facts=Facts(
                modality=row["Modality"].upper(),
                body_part=row["BodyPartExamined"].upper(),
                ae_title=row["source"],
                study_date=row["StudyDateSearch"],
                image_type=row["ImageType"].upper(),
            ),
            final=row["state"] == "kept",
            made=bool(row["made"]),
        )
        for row in read(_MEMBERS, (series,))
    ]


def by_rule(
    rules: Sequence[Rule], found: Sequence[Member], today: dt.date
) -> dict[tuple[int, Rule] | None, list[Member]]:
    """Members by the rule that decides on them and its number; None: no rule does, or it was derived here."""
    sets: dict[tuple[int, Rule] | None, list[Member]] = {}
    for member in found:
        match = None if member.made else first_match(rules, member.facts, today)
        sets.setdefault(match, []).append(member)
    return sets


_MEMBERS = (
    "SELECT instance.id, SOPInstanceUID AS uid, ImageType, source, state, Modality, BodyPartExamined, StudyDateSearch, "
    "EXISTS (SELECT 1 FROM derivation WHERE derivation.derived = instance.id) AS made FROM instance "
    "JOIN series ON series.id = instance.series JOIN study ON study.id = series.study "
    "WHERE instance.series = ? AND hidden_at IS NULL ORDER BY instance.id"
)
