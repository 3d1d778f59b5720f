"""Template filters: figures as people read them."""

from datetime import UTC, datetime

from django import template

from medarchive.web.words import bytes_in_words

register = template.Library()


@register.filter("bytes")
def bytes_of(number: object) -> str:
    """A number of bytes, or the digits of one, in the unit that suits it; of nothing, 0 B."""
    return bytes_in_words(float(str(number or 0)))


@register.filter
def moment(seconds: float) -> datetime:
    """A time in seconds since 1970, for the filter ``date``."""
    return datetime.fromtimestamp(seconds, UTC)


@register.filter
def bar_row(number: int) -> int:
    """The height of a plot with as many rows of bars, in units of its ``viewBox``."""
    return 28 * number


@register.filter
def plain_number(number: float) -> str:
    """A number as machines read it, whatever the language."""
    return f"{number:g}" if isinstance(number, float) else str(number)


@register.filter
def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


@register.filter
def at(mapping: dict[str, str], key: str) -> str:
    """What a mapping has at a key."""
    return mapping.get(key, "")
