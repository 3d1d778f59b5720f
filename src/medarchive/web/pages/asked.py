"""Asked: the worklist's form as a Query. It is a GET form: what was asked for can be kept as a bookmark."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from medarchive.dicom.attributes import Attribute
from medarchive.dicom.query import KNOWN, Contains, Key, Level, Matcher, Query, Wildcard
from medarchive.errors import BadQuery

__all__ = ["COLUMNS", "Asked"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "patient": ("PatientName", "PatientID"),
    "id": ("PatientID",),
    "born": ("PatientBirthDate",),
    "date": ("StudyDate", "StudyTime"),
    "modality": ("ModalitiesInStudy",),
    "description": ("StudyDescription",),
    "images": ("NumberOfStudyRelatedInstances",),
}
"""By what the worklist can be sorted."""
_NEWEST = "-date"
_PAGE = 50
_MOST_PAGES = 1_000_000
_FIELDS = ("patient", "since", "until", "modality", "text", "finding", "probability")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, as it was written.

    Attributes:
        fields: by name of the form's field; those left empty are "".
        sort: a key of ``COLUMNS``, with ``-`` before it for the greatest first.
        page: from 1.
    """

    fields: Mapping[str, str]
    sort: str = _NEWEST
    page: int = 1

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "Asked":
        """Read a form. A sort or page that there is not becomes the first."""
        sort, page = form.get("sort", _NEWEST), form.get("page", "1")
        return cls(
            {name: str(form.get(name, "")).strip() for name in _FIELDS},
            sort if sort.removeprefix("-") in COLUMNS else _NEWEST,
            min(max(int(page), 1), _MOST_PAGES) if re.fullmatch("[0-9]{1,9}", page) else 1,
        )

    def query(self) -> Query:
        """The question, without rights.

        Raises:
            BadQuery: a date, finding or probability that is none.
        """
        fields = self.fields
        pairs = [f"StudyDate={_digits(fields['since'])}-{_digits(fields['until'])}"]
        pairs = pairs if fields["since"] or fields["until"] else []
        if fields["modality"]:
            pairs.append(f"ModalitiesInStudy={fields['modality'].upper()}")
        if fields["finding"]:
            pairs += [f"FINDING={fields['finding']}", f"PROBABILITY={fields['probability'] or '0.5'}-"]
        query = Query.from_pairs(Level.STUDY, pairs, limit=_PAGE, offset=(self.page - 1) * _PAGE)
        either = _words(fields["patient"], "PatientName", "PatientID")
        either += _words(fields["text"], "StudyDescription", "AccessionNumber")
        sign = "-" if self.sort.startswith("-") else ""
        order = tuple(sign + keyword for keyword in COLUMNS[self.sort.removeprefix("-")])
        return replace(query, either=either, order=order)

    def pages(self, count: int) -> int:
        """How many pages so many studies fill."""
        return max(-(-count // _PAGE), 1)

    def address(self, **changed: object) -> str:
        """The query string of this question with something changed; a new sort begins at the first page."""
        values = {name: value for name, value in self.fields.items() if value}
        values |= {"sort": self.sort, "page": str(self.page)} | {name: str(value) for name, value in changed.items()}
        if "sort" in changed or values["page"] == "1":
            values.pop("page")
        if values["sort"] == _NEWEST:
            values.pop("sort")
        return f"?{urlencode(values)}" if values else "?"


def _words(text: str, *keywords: str) -> tuple[tuple[Key, ...], ...]:
    """Each word stands in one of the attributes: anywhere, unless it has wild cards of its own."""
    return tuple(tuple(_key(keyword, word) for keyword in keywords) for word in re.split(r"[\s,^]+", text) if word)


def _key(keyword: str, word: str) -> Key:
    level, attribute = KNOWN[keyword]
    return Key(keyword, _matcher(attribute, word), level, attribute.vr)


def _matcher(attribute: Attribute, word: str) -> Matcher:
    if not re.search(r"[*?]", word):
        return Contains(word)
    return Wildcard(f"{word}*" if attribute.vr == "PN" else word)


def _digits(day: str) -> str:
    """A day of a date field, 2024-01-31, as DICOM has it.

    Raises:
        BadQuery: it is none.
    """
    if day and not re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", day):
        raise BadQuery(f"{day!r}: expected a date, for example 2024-01-31")
    return day.replace("-", "")
