"""Filters that put DICOM values as people write them. What comes out is plain text: templates escape it."""

import re

from django import template
from django.urls import NoReverseMatch, reverse

__all__ = ["address", "date", "percent", "person", "several", "time"]

register = template.Library()


@register.filter
def person(value: object) -> str:
    """A PN as it is read: ``Doe^Jane^M^Dr`` becomes ``Doe, Jane M, Dr``; of its groups the first with a name (PS3.5).

    >>> person("Doe^Jane^^Dr")
    'Doe, Jane, Dr'
    """
    groups = str(value).split("\\")[0].split("=")
    group = next((each for each in groups if each.strip(" ^")), "")
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    parts = (family, f"{given} {middle}".strip(), prefix, suffix)
    return ", ".join(part for part in parts if part)


@register.filter
def date(value: object) -> str:
    """A DA as ISO 8601; what is none stays as it is.

    >>> date("20240131")
    '2024-01-31'
    """
    match = re.fullmatch(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})", str(value).strip())
    return "-".join(match.groups()) if match else str(value)


@register.filter
def time(value: object) -> str:
    """A TM to the minute; what is none stays as it is.

    >>> time("134501.25")
    '13:45'
    """
    match = re.match(r"(\d{2}):?(\d{2})", str(value).strip())
    return ":".join(match.groups()) if match else str(value)


@register.filter
def several(value: object) -> str:
    r"""Several values as a list.

    >>> several(r"CT\SR")
    'CT, SR'
    """
    return ", ".join(part for part in str(value).split("\\") if part)


@register.filter
def percent(value: object) -> str:
    """A share of one.

    >>> percent(0.417)
    '42 %'
    """
    return f"{100 * float(str(value)):.0f} %"


@register.filter
def address(uid: object, name: str) -> str:
    """The address of a page about a UID; empty where the UID is so odd that it has none."""
    try:
        return str(reverse(name, args=[str(uid)]))
    except NoReverseMatch:
        return ""
