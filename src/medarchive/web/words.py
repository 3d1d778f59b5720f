"""Words: figures as people read them."""

__all__ = ["bytes_in_words"]


def bytes_in_words(number: float) -> str:
    """A number of bytes, with three digits and a decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 999.5:  # above, three digits are 1000
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"
