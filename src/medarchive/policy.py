"""Policy: ordered rules that say which stored images may lose something. No rules: nothing is ever lost.

A rule has conditions and an action. The first rule whose conditions all hold decides; where none does, the image stays
as it came. What is never stored with loss, whatever a rule says, stands in ``medarchive.dicom.loss``.
"""

import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

from medarchive.errors import SettingsError

__all__ = ["NEVER", "Action", "Facts", "Rule", "first_match", "parse_rules"]

Action = Literal["lossless", "near-lossless", "profile", "quality"]

NEVER = frozenset(("MG", "PT", "NM", "SEG", "RTIMAGE", "RTDOSE", "RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "KO", "PR"))
"""Modalities that are never stored with loss: mammography, what is measured in counts, what is no picture at all."""

_MOST_ERROR = 1 << 15
_QUALITIES = (1.0, 100.0)
_CONDITIONS = ("modality", "body_part", "ae_title", "image_type")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule's conditions are held against; all of it is in the catalogue.

    Attributes:
        modality: (0008,0060).
        body_part: Body Part Examined (0018,0015).
        ae_title: of the peer that sent it; empty for a file.
        study_date: (0008,0020), as YYYYMMDD; anything else counts as unknown.
        image_type: the values of (0008,0008), joined by a backslash.
    """

    modality: str
    body_part: str
    ae_title: str
    study_date: str
    image_type: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A condition that is not there always holds; one with several values holds where one of them does."""

    action: Action
    """What becomes of an image: ``lossless``, ``near-lossless``, ``profile`` or ``quality``."""
    modality: tuple[str, ...] = ()
    """Condition: the Modality (0008,0060) is one of these."""
    body_part: tuple[str, ...] = ()
    """Condition: the Body Part Examined (0018,0015) is one of these."""
    ae_title: tuple[str, ...] = ()
    """Condition: the sender's AE title is one of these; an object that came from a file has none."""
    older_than_days: float | None = None
    """Condition: the Study Date is this many days ago, or more. A study without a date is never old."""
    image_type: tuple[str, ...] = ()
    """Condition: the Image Type (0008,0008) has one of these values; `ORIGINAL\\PRIMARY` asks for both."""
    max_error: int = 0
    """With ``near-lossless``, and then required: no pixel is off by more, in stored units, 1 to 32768."""
    profile: str = ""
    """With ``profile``, and then required: the name of the fidelity profile that the result must reach."""
    quality: float = 0
    """With ``quality``, and then required: of the lossy codec, 1 (small) to 100 (close to the original)."""
    keep_original: bool = True
    """With loss, and then required: whether the original stays beside what is derived from it."""
    grace_days: float = 0
    """With ``keep_original = false``, and then required: days for which the original stays all the same."""

    @classmethod
    def parse(cls, table: object, number: int) -> Self:
        """A rule from a table of the settings.

        Args:
            table: what stands in the settings; a Rule is taken as it is.
            number: of the rule, from 1; messages name it.

        Raises:
            SettingsError: a key is unknown, a value wrong, or the rule contradicts itself.
        """
        if isinstance(table, cls):
            return table
        if not isinstance(table, Mapping):
            raise SettingsError(f"policy rule {number}: {table!r}: expected a table, [[policy]]")
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(table) - known)
        if unknown:
            raise SettingsError(
                f"policy rule {number}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}"
            )
        try:
            values = {name: _converted(name, value) for name, value in table.items()}
            _coherent(values)
        except SettingsError as error:
            raise SettingsError(f"policy rule {number}: {error}") from None
        return cls(**values)

    def matches(self, facts: Facts, today: dt.date) -> bool:
        """Whether all conditions hold."""
        texts = {"modality": facts.modality, "body_part": facts.body_part, "ae_title": facts.ae_title}
        for name, text in texts.items():
            wanted = getattr(self, name)
            if wanted and text not in wanted:
                return False
        found = set(facts.image_type.split("\\"))
        if self.image_type and not any(found.issuperset(each.split("\\")) for each in self.image_type):
            return False
        if self.older_than_days is None:
            return True
        age = _age(facts.study_date, today)
        return age is not None and age >= self.older_than_days

    @property
    def loses(self) -> bool:
        """Whether the action may lose something."""
        return self.action != "lossless"

    @property
    def what(self) -> str:
        """The action in a few words; the same words, the same result."""
        details = {"near-lossless": str(self.max_error), "profile": self.profile, "quality": _shortest(self.quality)}
        return f"{self.action} {details.get(self.action, '')}".rstrip()

    def __str__(self) -> str:
        """The rule as a TOML inline table that ``parse`` reads: the form of an environment variable."""
        defaults = {"older_than_days": None, "max_error": 0, "profile": "", "quality": 0}
        parts = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("keep_original", "grace_days"):
                there = self.loses and (field.name == "keep_original" or not self.keep_original)
            else:
                there = value != defaults.get(field.name, ())
            if there:
                parts[field.name] = list(value) if isinstance(value, tuple) else value
        return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in parts.items()) + "}"


def parse_rules(value: object) -> tuple[Rule, ...]:
    """Rules from the tables of a settings file, or from a variable's inline tables, separated by commas.

    Raises:
        SettingsError: it is none of the two, or a rule is wrong.
    """
    if isinstance(value, str):
        try:
            value = tomllib.loads(f"policy = [{value}]")["policy"]
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"policy: expected TOML inline tables, separated by commas: {error}") from error
    if not isinstance(value, list | tuple):
        raise SettingsError(f"policy = {value!r}: expected [[policy]] tables")
    return tuple(Rule.parse(table, number) for number, table in enumerate(value, 1))


def first_match(rules: Sequence[Rule], facts: Facts, today: dt.date) -> tuple[int, Rule] | None:
    """The first rule that matches, with its number from 1; None where none does, which means lossless."""
    for number, rule in enumerate(rules, 1):
        if rule.matches(facts, today):
            return number, rule
    return None


def _shortest(number: float) -> str:
    """A number in as few digits as tell it from every other one; 40 and 40.0 are the same."""
    return repr(float(number)).removesuffix(".0")


def _age(date: str, today: dt.date) -> int | None:
    """Days since a DICOM date; None where it is none."""
    if not re.fullmatch(r"[0-9]{8}", date):
        return None
    try:
        return (today - dt.date(int(date[:4]), int(date[4:6]), int(date[6:]))).days
    except ValueError:
        return None


def _converted(name: str, value: Any) -> Any:
    """A value of its key's type.

    Raises:
        SettingsError: it is of another, or out of range.
    """
    if name in _CONDITIONS:
        return _texts(name, value)
    if name == "action" and value not in get_args(Action):
        raise SettingsError(f"action = {value!r}: expected {', '.join(get_args(Action))}")
    if name == "keep_original" and not isinstance(value, bool):
        raise SettingsError(f"keep_original = {value!r}: expected true or false")
    if name == "profile" and not (isinstance(value, str) and value):
        raise SettingsError(f"profile = {value!r}: expected the name of a fidelity profile")
    if name == "max_error" and not (type(value) is int and 1 <= value <= _MOST_ERROR):
        raise SettingsError(f"max_error = {value!r}: expected 1 to {_MOST_ERROR}")
    if name == "quality":
        if not (type(value) in (int, float) and _QUALITIES[0] <= value <= _QUALITIES[1]):
            raise SettingsError(f"quality = {value!r}: expected {_QUALITIES[0]:g} to {_QUALITIES[1]:g}")
        return float(value)
    if name in ("older_than_days", "grace_days") and not (type(value) in (int, float) and 0 <= value <= 1e5):
        raise SettingsError(f"{name} = {value!r}: expected 0 to 100000 days")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    values: Iterable[object] = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else [0]
    texts = tuple(each.strip(" ") if isinstance(each, str) else "" for each in values)
    if not texts or not all(texts):
        raise SettingsError(f"{name} = {value!r}: expected a text, or a list of texts that are not empty")
    if name != "ae_title":  # Code Strings have capitals alone (PS3.5 6.2)
        texts = tuple(text.upper() for text in texts)
    return texts


def _coherent(values: Mapping[str, Any]) -> None:
    """Hold a rule's keys against each other.

    Raises:
        SettingsError: one is missing, or does not go with another.
    """
    action = values.get("action")
    if action is None:
        raise SettingsError(f"action is missing: {', '.join(get_args(Action))}")
    needs = {"max_error": action == "near-lossless", "profile": action == "profile", "quality": action == "quality"}
    needs["keep_original"] = action != "lossless"
    needs["grace_days"] = values.get("keep_original") is False
    for name, needed in needs.items():
        if needed and name not in values:
            why = "keep_original = false" if name == "grace_days" else f'action = "{action}"'
            raise SettingsError(f"{why} needs {name}")
        if not needed and name in values:
            other = "keep_original = false" if name == "grace_days" else f'action = "{action}"'
            raise SettingsError(f"{name} does not go with {'anything but ' if name == 'grace_days' else ''}{other}")
    never = sorted(NEVER.intersection(values.get("modality", ())))
    if action != "lossless" and never:
        raise SettingsError(f"modality {never[0]} is never stored with loss")
