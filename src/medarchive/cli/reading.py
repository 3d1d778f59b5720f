"""Reader: what reads images in a process of the command line, where that is installed and wanted."""

import importlib
from collections.abc import Callable
from typing import cast

from medarchive.errors import SettingsError
from medarchive.insight.reading import Reader, can_read
from medarchive.settings import Settings

__all__ = ["opened", "reader_for"]


def reader_for(settings: Settings) -> Callable[[], Reader] | None:
    """Opens the reader when it is needed; None where the settings say that none is wanted, or none is installed."""
    wanted = settings.insight == "true" or (settings.insight == "auto" and can_read())
    return opened if wanted else None


def opened() -> Reader:
    """The reader that this package ships, with its networks.

    Raises:
        SettingsError: what runs them is not installed.
    """
    if not can_read():
        raise SettingsError("reading images needs onnxruntime: pip install 'medarchive[insight]'")
    home = importlib.import_module("medarchive.insight.reader")
    return cast("Reader", home.Reader.open())
