"""Numbers that stand in addresses and forms."""

__all__ = ["number_in"]

_LONGEST = 18
"""Digits: more do not fit into a database's integer."""


def number_in(text: str) -> int | None:
    """A number, or None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else None
