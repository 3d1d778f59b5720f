"""Reader: what reads images in a process of the command line, and how what it says is put."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from medarchive.archive.reader import wants_reading
from medarchive.insight.reading import Reader
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.findings import Finding
    from medarchive.insight.reading import Reading

__all__ = ["finding_of", "opened", "ranked", "reader_for"]


def reader_for(settings: Settings) -> Callable[[], Reader] | None:
    """Opens the reader when it is needed; None where the settings say that none is wanted, or none is installed."""
    return opened if wants_reading(settings) else None


def opened() -> Reader:
    """The reader that this package ships, with its networks.

    Raises:
        SettingsError: what runs them is not installed.
    """
    from medarchive.insight import reader

    return reader.Reader.open()


def finding_of(reading: "Reading | Finding") -> str:
    """A reading's finding as a table shows it."""
    return "abstained" if reading.abstained else reading.finding or "-"


def ranked(reading: "Reading | Finding") -> str:
    """A reading's probabilities, the highest first."""
    ordered = sorted(reading.probabilities.items(), key=lambda each: -each[1])
    return ", ".join(f"{label} {value:.2f}" for label, value in ordered)
